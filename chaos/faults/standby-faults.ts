import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs } from "../clock.js";
import { backendsOf, signal } from "../stage/postgres-processes.js";
import { untilServing } from "../stage/serving.js";
import type { Stage } from "../stage/stage.js";
import type { Fault, Injected } from "./fault.js";

/** Longer than a statement of these servers may run, in ms. */
const STALL_MS = [6_000, 9_000] as const;
/** Writes wait by then, and what is tried again has time to find them, in ms. */
const TERMINATED_AFTER_MS = 1_500;

/** A standby that each COMMIT waits for. It takes over, or is away: nothing that was acknowledged may be lost. */
export const standbyFaults: readonly Fault[] = [
  {
    name: "failover-sync",
    weight: 2,
    needsStandby: true,
    resumes: "failover",
    inject: (stage) => failOver(stage, "the primary killed"),
  },
  {
    name: "sync-stall",
    weight: 2,
    needsStandby: true,
    resumes: "failover",
    async inject(stage, random) {
      const ms = random.between(...STALL_MS);
      const isEndedByFailover = random.next() < 0.5;
      const back = stage.postgres.standby.upstream.fail("cut", ms);
      if (!isEndedByFailover) {
        await back;
        await stage.postgres.waitForStandby(true);
        return { note: `for ${ms} ms` };
      }
      // Postgres commits what waits when its connection is ended: visible, and on no standby.
      await delay(TERMINATED_AFTER_MS);
      const backends = backendsOf(stage.postmaster ?? 0);
      for (const pid of backends) signal(pid, "SIGTERM");
      await delay(ms - TERMINATED_AFTER_MS - 500);
      const done = `${backends.length} connections terminated, then the primary killed`;
      return failOver(stage, `for ${ms - 500} ms, ${done}`);
    },
  },
];

/** Kills the primary, promotes the standby and makes another one, as whoever runs Postgres does. */
async function failOver(stage: Stage, note: string): Promise<Injected> {
  const { primary } = stage.postgres;
  const harm = { at: monotonicMs(), ways: stage.ways };
  await primary.kill();
  await stage.promote();
  const servingMs = await untilServing(stage);
  primary.remove();
  await stage.postgres.addStandby();
  return { note, harm, servingMs };
}
