import { connect } from "nats";
import { startProgram } from "./start-program.js";
import { eventText, sessionOf } from "./workload.js";

export const title = "NATS JetStream";
export const about =
  "publish to a file stream, acknowledged before it is synced to disk (every 2 minutes); a batch is as many publishes at once";
export const packages = ["nats"];
export const server = ["nats-server", "--version"];

/** @returns {Promise<import("./workload.js").Peer>} */
export async function open() {
  const program = await startProgram("nats-server", ({ directory, ports: [port] }) => [
    "--addr=127.0.0.1",
    `--port=${port}`,
    "--jetstream",
    `--store_dir=${directory}`,
  ]);
  const connection = await connect({ servers: `127.0.0.1:${program.ports[0]}` });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: "events", subjects: ["events.>"] });
  const stream = connection.jetstream();
  const encoder = new TextEncoder();
  /** @param {number} i */
  const publish = (i) => stream.publish(`events.${sessionOf(i)}`, encoder.encode(eventText(i)));
  return {
    one: publish,
    many: (first, count) => Promise.all(Array.from({ length: count }, (_, i) => publish(first + i))),
    async close() {
      await connection.close();
      await program.close();
    },
  };
}
