// A process that holds many append streams open, as many idle agents do.
import { connect, type Holdfast, type Recorder } from "@holdfast/client";
import { serveWorker } from "../support/worker.js";

export interface HoldersWorkload {
  readonly streams: number;
  /** Streams that share a connection. */
  readonly streamsOfConnection: number;
}

const [address = "", workloadAsJson = "{}"] = process.argv.slice(2);
const { streams, streamsOfConnection }: HoldersWorkload = JSON.parse(workloadAsJson);
/** Connections that are made at the same time at most: more only wait in the kernel's queue. */
const OPENED_AT_ONCE = 500;

const clients: Holdfast[] = [];
const recorders: Recorder[] = [];

/** Records one observation on each stream, which opens those that are not, and answers in seconds until all are durable. */
serveWorker<"record", number>(
  async () => {
    const from = performance.now();
    for (let begun = 0; begun < streams; begun += OPENED_AT_ONCE) {
      const some = Array.from({ length: Math.min(OPENED_AT_ONCE, streams - begun) }, (_, i) => begun + i);
      await Promise.all(
        some.map((stream) => recorderOf(stream).observe({ type: "alive", content: "still here" })),
      );
    }
    return (performance.now() - from) / 1000;
  },
  async () => {
    await Promise.all(clients.map((client) => client.close()));
  },
);

function recorderOf(stream: number): Recorder {
  const connection = Math.floor(stream / streamsOfConnection);
  clients[connection] ??= connect({ address });
  recorders[stream] ??= clients[connection].recorder({ agentId: `agent-${stream}`, clientName: "bench" });
  return recorders[stream];
}
