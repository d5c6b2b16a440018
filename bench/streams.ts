import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "./bench.js";
import type { HoldersWorkload } from "./streams/holders.js";
import { processMemory } from "./support/process-memory.js";
import { startServer } from "./support/server.js";
import { count } from "./support/table.js";
import { startWorker } from "./support/worker.js";

const WORKLOAD: HoldersWorkload = { streams: 10_000, streamsOfConnection: 10 };
const CONNECTIONS = WORKLOAD.streams / WORKLOAD.streamsOfConnection;
/** Idle before memory is read, so that what opening left behind may go. */
const IDLE_MS = 5000;

/** What agents cost that are connected and have nothing to say, and how long a restart keeps them out. */
export const streams: Bench = {
  name: "streams",
  about: `${count(WORKLOAD.streams)} idle append streams of the client over ${count(CONNECTIONS)} connections: the server's memory, and from its restart until each stream has another event acknowledged`,
  long: true,
  async run({ cluster, profileDirectory, say }) {
    let server = await startServer(cluster.url, profileDirectory);
    const { address } = server;
    const port = Number(address.split(":").at(-1));
    const base = processMemory(server.pid).nowMiB;
    const holders = startWorker<"record", number>(
      new URL("streams/holders.js", import.meta.url),
      [address, JSON.stringify(WORKLOAD)],
      profileDirectory,
    );
    try {
      say(`  opened in ${(await holders.ask("record")).toFixed(1)} s`);
      await delay(IDLE_MS);
      const idle = processMemory(server.pid);
      say(`  idle: ${idle.nowMiB.toFixed(0)} MiB, ${base.toFixed(0)} before`);
      await server.close();
      const from = performance.now();
      server = await startServer(cluster.url, profileDirectory, { port });
      await holders.ask("record");
      const seconds = (performance.now() - from) / 1000;
      say(`  all back ${seconds.toFixed(1)} s after the server was started again`);
      const after = processMemory(server.pid);
      return {
        rows: [
          {
            name: "holdfast",
            values: {
              "idle MiB": idle.nowMiB.toFixed(0),
              "peak MiB": Math.max(idle.peakMiB, after.peakMiB).toFixed(0),
              "KiB a stream": (((idle.nowMiB - base) * 1024) / WORKLOAD.streams).toFixed(1),
              "all back": `${seconds.toFixed(1)} s`,
            },
          },
        ],
        notes: [],
        verdicts: [
          {
            name: "streams, memory",
            holdfast: `${idle.nowMiB.toFixed(0)} MiB`,
            reference: "–",
            unit: "MiB",
            values: [idle.nowMiB],
            reach: { atMost: 1536 },
          },
          {
            name: "streams, reconnect",
            holdfast: `${seconds.toFixed(1)} s`,
            reference: "–",
            unit: "s",
            values: [seconds],
            reach: { atMost: 30 },
          },
        ],
        figures: { baseMiB: base, idle, after, seconds, ...WORKLOAD },
      };
    } finally {
      await holders.close();
      await server.close();
    }
  },
};
