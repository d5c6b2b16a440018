// A process that appends one observation at a time, waiting for each.
import { bytes, connect } from "@holdfast/client";
import { AGENT_ID, OBSERVATION_TYPE, payloads } from "../ingest/workload.js";
import { timeEach } from "../support/time-each.js";
import { serveWorker } from "../support/worker.js";

const [address = "", sessionId = ""] = process.argv.slice(2);
const holdfast = connect({ address });
const data = payloads(256).map((payload) => bytes(payload, "application/json"));

serveWorker<{ seconds: number }, readonly number[]>(
  ({ seconds }) =>
    timeEach(seconds, async (i) => {
      const value = { sessionId, agentId: AGENT_ID, type: OBSERVATION_TYPE, data: data[i % data.length] };
      const [outcome] = await holdfast.events.append([{ case: "observation", value }]);
      if (outcome?.error) throw outcome.error;
    }),
  () => holdfast.close(),
);
