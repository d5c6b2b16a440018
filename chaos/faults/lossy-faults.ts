import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs } from "../clock.js";
import type { Random } from "../random.js";
import { untilServing } from "../stage/serving.js";
import type { Stage } from "../stage/stage.js";
import { untilTrue } from "../stage/until-true.js";
import type { Fault, Injected } from "./fault.js";

/** How long the primary goes on without its standby, in ms. */
const ALONE_MS = [1_000, 4_000] as const;

/**
 * A standby that lags takes over: what was acknowledged since it was cut off is lost. The run is judged by what each primary
 * had. Whoever was told what was lost must be told that it is.
 */
export const lossyFaults: readonly Fault[] = [
  {
    name: "failover-async",
    weight: 2,
    needsStandby: true,
    resumes: "failover",
    inject: (stage, random) =>
      loseWhatFollows(stage, random, "then the primary killed", async () => {
        await stage.postgres.primary.kill();
        await stage.promote();
        return untilServing(stage);
      }),
  },
  {
    name: "two-primaries",
    weight: 2,
    needsStandby: true,
    resumes: "failover",
    inject: (stage, random) =>
      loseWhatFollows(stage, random, "then promoted beside the primary", async () => {
        const old = await stage.promote();
        const servingMs = await untilServing(stage);
        await untilTrue(
          () => old.query(IS_LEFT),
          "a server kept connections to the primary of the lower timeline",
        );
        await old.kill();
        return servingMs;
      }),
  },
];

/** Cuts the standby off, waits, and lets it take over: what was acknowledged meanwhile is lost. */
async function loseWhatFollows(
  stage: Stage,
  random: Random,
  how: string,
  takeOver: () => ReturnType<typeof untilServing>,
): Promise<Injected> {
  const ms = random.between(...ALONE_MS);
  const since = await leaveAlone(stage);
  await delay(ms);
  const harm = { at: monotonicMs(), ways: stage.ways };
  const servingMs = await takeOver();
  stage.noteLoss(since);
  await stage.postgres.addStandby();
  return { note: `the standby cut off for ${ms} ms, ${how}`, harm, servingMs };
}

/** What looks for the primary may go on asking it. */
const IS_LEFT = `SELECT count(*) = 0 FROM pg_stat_activity
  WHERE application_name LIKE 'holdfast%' AND application_name <> 'holdfast look'`;

/** Cuts the standby off for good; no COMMIT waits for it any more. Returns since when it lags. */
async function leaveAlone(stage: Stage): Promise<number> {
  const since = monotonicMs();
  await stage.postgres.waitForStandby(false);
  stage.postgres.standby.upstream.close();
  return since;
}
