// A process that records observations at an even rate.
import { setTimeout as delay } from "node:timers/promises";
import { bytes, connect } from "@holdfast/client";
import { AGENT_ID, OBSERVATION_TYPE, payloads } from "../ingest/workload.js";
import { serveWorker } from "../support/worker.js";

export interface PacedRequest {
  readonly seconds: number;
  readonly perSecond: number;
}

/** How often a few are recorded: each tick is a batch, as of agents that act at different times. */
const TICK_MS = 5;

const [address = "", sessions = ""] = process.argv.slice(2);
const sessionIds = sessions.split(",");
const holdfast = connect({ address });
const recorder = holdfast.recorder({ agentId: AGENT_ID, clientName: "bench" });
const data = payloads(256).map((payload) => bytes(payload, "application/json"));

/** Answers with the rate that was kept up: below what was asked the server could not follow. */
serveWorker<PacedRequest, number>(
  async ({ seconds, perSecond }) => {
    const stored = recorder.totals.stored;
    const from = performance.now();
    const elapsed = () => performance.now() - from;
    let recorded = 0;
    while (elapsed() < seconds * 1000) {
      for (const due = (elapsed() / 1000) * perSecond; recorded < due; recorded++) {
        const sessionId = sessionIds[recorded % sessionIds.length];
        recorder.observe({ sessionId, type: OBSERVATION_TYPE, data: data[recorded % data.length] });
      }
      await delay(TICK_MS);
    }
    await recorder.flush();
    return (recorder.totals.stored - stored) / (elapsed() / 1000);
  },
  () => holdfast.close(),
);
