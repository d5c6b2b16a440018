import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startClients } from "./cast.js";
import { monotonicMs } from "./clock.js";
import type { Fault } from "./faults/fault.js";
import { type PlannedFault, planFaults } from "./plan.js";
import { createRandom } from "./random.js";
import type { Bug } from "./server/bugs/bug.js";
import { SETTLE_MS, settle } from "./settle.js";
import { Stage } from "./stage/stage.js";

export interface RunOptions {
  readonly directory: string;
  readonly seconds: number;
  readonly seed: number;
  readonly faults: readonly Fault[];
  /** Writes a second that the recorders aim at. */
  readonly perSecond: number;
  readonly bug?: Bug;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A run that is over, with Postgres still there to be asked. */
export interface FinishedRun {
  readonly stage: Stage;
  /** What the harness itself found wrong with how it ended. */
  readonly troubles: readonly string[];
}

/** After Postgres was killed nothing more happens for so long: else another fault is what is waited for. */
const RECOVERY_MS = 3_000;
/** How often a fault that nothing came of is tried. */
const MOST_TRIES = 4;
/** At the end, so that the last fault is resumed from as every other. */
const LAST_CALM_MS = 3_000;
const WARM_UP_MS = 60_000;

/** Starts everything, injects faults one after the other until the time is over, and lets everything come to an end. */
export async function run(options: RunOptions): Promise<FinishedRun> {
  const { directory, seed, faults, perSecond, bug, say } = options;
  const random = createRandom(seed);
  const withDisk = faults.some((fault) => fault.name === "disk-full");
  for (const fault of faults) await fault.prepare?.();
  const withStandby = faults.some((fault) => fault.needsStandby);
  const stage = await Stage.start(directory, { withDisk, withStandby, ...(bug && { bug }) });
  try {
    startClients(stage, random.fork(), perSecond, bug?.roles);
    await warmedUp(directory, stage.clients.length);
    await injectFaults(stage, options, random.fork());
    say("no more faults: everything settles");
    if (!bug) await delay(LAST_CALM_MS, undefined, { signal: options.signal }).catch(() => {});
    const troubles = await settle(stage);
    await stage.stopServers();
    return { stage, troubles };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

/** Resolves when every client has had something acknowledged or delivered, or after a minute. */
async function warmedUp(directory: string, clients: number): Promise<void> {
  const until = Date.now() + WARM_UP_MS;
  for (let client = 0; client < clients && Date.now() < until; ) {
    const path = join(directory, `client-${client}.jsonl`);
    if (existsSync(path) && /"k":"(ack|page)"/.test(readFileSync(path, "utf8"))) client += 1;
    else await delay(200);
  }
}

async function injectFaults(
  stage: Stage,
  { seconds, faults, say, signal }: RunOptions,
  random: ReturnType<typeof createRandom>,
): Promise<void> {
  const possible: Fault[] = [];
  for (const fault of faults) {
    const missing = await fault.missing?.(stage);
    if (missing === undefined) possible.push(fault);
    else stage.note({ k: "missing", name: fault.name, why: missing });
  }
  const start = monotonicMs();
  const until = start + seconds * 1000;
  const missed = new Map<Fault, number>();
  const inject = async ({ fault, random: own, pauseMs }: PlannedFault) => {
    const began = monotonicMs();
    const { note, harm, servingMs, isMissed } = await fault.inject(stage, own);
    const isSettled = await stage.settled(SETTLE_MS);
    const ended = monotonicMs();
    const resumes = fault.resumes && harm && { resumes: fault.resumes, harm, servingMs };
    stage.note({ k: "fault", name: fault.name, began, ended, note, isSettled, ...resumes });
    if (isMissed) missed.set(fault, (missed.get(fault) ?? 0) + 1);
    else missed.set(fault, MOST_TRIES);
    const at = ((began - start) / 1000).toFixed(1).padStart(6);
    say(`${at} s  ${fault.name}: ${note}, ${((ended - began) / 1000).toFixed(1)} s`);
    const calmMs = resumes && resumes.resumes !== "server" ? Math.max(pauseMs, RECOVERY_MS) : pauseMs;
    await delay(calmMs, undefined, { signal }).catch(() => {});
  };
  for (const planned of planFaults(possible, random)) {
    if (monotonicMs() >= until || signal.aborted) break;
    await inject(planned);
  }
  // What no server came by all the while is tried some more times: without it the run would prove nothing.
  for (const [fault, tries] of missed) {
    for (let n = tries; n < MOST_TRIES && (missed.get(fault) ?? 0) < MOST_TRIES && !signal.aborted; n++) {
      await inject({ fault, random: random.fork(), pauseMs: RECOVERY_MS });
    }
  }
}
