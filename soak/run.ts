import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { startClients } from "../chaos/cast.js";
import { createRandom, type Random } from "../chaos/random.js";
import type { Alteration } from "../chaos/server/bugs/bug.js";
import { settle } from "../chaos/settle.js";
import { Stage } from "../chaos/stage/stage.js";
import type { Soaked } from "./judge.js";
import { type Sample, takeSample } from "./sample.js";

export interface SoakOptions {
  readonly directory: string;
  readonly seconds: number;
  readonly seed: number;
  /** Writes a second that the recorders aim at. */
  readonly perSecond: number;
  readonly alteration?: Alteration;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A soak that is over, with Postgres still there to be asked. */
export interface FinishedSoak extends Soaked {
  readonly stage: Stage;
  /** What the harness itself found wrong with how it ended. */
  readonly troubles: readonly string[];
}

const SAMPLE_MS = 5_000;
/** A first cast plays for as long as this share of the time, so that what is made once is there before the first look. */
const WARM_UP_SHARE = 0.2;
const LONGEST_WARM_UP_S = 60;
/** Until what clients left behind has timed out: idle connections to Postgres, audits of what was denied. */
const REST_MS = 15_000;

/** Lets two casts of clients play, one after the other, and looks at servers and Postgres meanwhile and in between. */
export async function soak(options: SoakOptions): Promise<FinishedSoak> {
  const { directory, seconds, seed, perSecond, alteration, say, signal } = options;
  const random = createRandom(seed);
  const stage = await Stage.start(directory, { withDisk: false, ...(alteration && { bug: alteration }) });
  try {
    const pids = stage.servers.map(({ pid }) => pid);
    const warmUp = Math.min(seconds * WARM_UP_SHARE, LONGEST_WARM_UP_S);
    say(`warming up for ${warmUp.toFixed(0)} s`);
    const first = await play(stage, random.fork(), perSecond, warmUp, signal);
    const before = await atRest(stage, signal);
    say(`looking every ${SAMPLE_MS / 1000} s for ${seconds} s`);
    const second = await play(stage, random.fork(), perSecond, seconds, signal);
    const after = await atRest(stage, signal);
    const troubles = [...first.troubles, ...second.troubles];
    // A new process holds nothing yet: what the old one held is not known.
    if (stage.servers.some(({ pid }, i) => pid !== pids[i]))
      troubles.push("a server ended and was started again");
    await stage.stopServers();
    return { stage, before, during: second.samples, after, troubles };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

/** Clients come, do what they do for so long, and go. */
async function play(stage: Stage, random: Random, perSecond: number, seconds: number, signal: AbortSignal) {
  startClients(stage, random.fork(), perSecond);
  startVisitors(stage, random.fork());
  const samples: Sample[] = [];
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until && !signal.aborted) {
    await delay(Math.min(SAMPLE_MS, until - performance.now()), undefined, { signal }).catch(() => {});
    // Where the machine is too busy to answer in time the next look will do; the report says how many there were.
    const sample = await takeSample(stage).catch(() => undefined);
    if (sample) samples.push(sample);
  }
  return { samples, troubles: await settle(stage) };
}

/** Those who come for one thing, read all there is, or ask for what they may not have: not for runs with faults. */
function startVisitors(stage: Stage, random: Random): void {
  // One has a secret, and nobody may export it.
  const [tenant, refused] = [randomUUID(), randomUUID()];
  for (const address of stage.ways) {
    const roles = [
      { role: "look-around", tenant, address },
      { role: "come-and-go", tenant, address },
      { role: "be-refused", tenant: refused, address },
    ];
    stage.startClient({ roles, seed: random.between(0, 2 ** 31) });
  }
}

async function atRest(stage: Stage, signal: AbortSignal): Promise<Sample> {
  await delay(REST_MS, undefined, { signal }).catch(() => {});
  return takeSample(stage).catch(() => takeSample(stage));
}
