// A process that follows a log and notes how old each event is when it arrives.
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@holdfast/client";
import { serveWorker } from "../support/worker.js";

const [address = ""] = process.argv.slice(2);
const holdfast = connect({ address });
const subscription = holdfast.events.subscribe({ after: "now" });
let agesMs: number[] = [];

await subscription.opened();
const following = (async () => {
  for await (const { events } of subscription.pages()) {
    // To the microsecond, as the commit time is; Date.now() is not.
    const now = performance.timeOrigin + performance.now();
    for (const { commitTime } of events) {
      const at = Number(commitTime?.seconds ?? 0n) * 1000 + (commitTime?.nanos ?? 0) / 1e6;
      agesMs.push(now - at);
    }
  }
})();

/** Answers with the ages of the events of so many seconds from now on. */
serveWorker<{ seconds: number }, readonly number[]>(
  async ({ seconds }) => {
    agesMs = [];
    await delay(seconds * 1000);
    return agesMs;
  },
  async () => {
    subscription.close();
    await following;
    await holdfast.close();
  },
);
