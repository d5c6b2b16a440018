import { Etcd3 } from "etcd3";
import { startProgram } from "./start-program.js";
import { eventText, sessionOf } from "./workload.js";

export const title = "etcd";
export const about = "put over gRPC, one member; a batch is one transaction of as many puts";
export const packages = ["etcd3"];
export const server = ["etcd", "--version"];

/** @returns {Promise<import("./workload.js").Peer>} */
export async function open() {
  const program = await startProgram("etcd", ({ directory, ports: [client, peer] }) => [
    `--data-dir=${directory}`,
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=default=http://127.0.0.1:${peer}`,
    "--log-level=error",
  ]);
  const client = new Etcd3({ hosts: `http://127.0.0.1:${program.ports[0]}` });
  /** @param {number} i */
  const key = (i) => `${sessionOf(i)}/${i}`;
  return {
    one: (i) => client.put(key(i)).value(eventText(i)),
    many: (first, count) =>
      client
        .if(key(first), "Version", "==", 0)
        .then(
          ...Array.from({ length: count }, (_, i) => client.put(key(first + i)).value(eventText(first + i))),
        )
        .commit(),
    async close() {
      client.close();
      await program.close();
    },
  };
}
