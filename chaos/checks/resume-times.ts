import type { Harm, Resumed } from "../faults/fault.js";
import type { LedgerLine, OpenLine } from "../ledger/ledger-line.js";
import { readLines } from "../ledger/read-lines.js";
import type { WrittenLane } from "../ledger/written.js";
import type { Evidence } from "./evidence.js";

/** A fault as it was injected; times in milliseconds of the clock that all processes share. */
export interface InjectedFault {
  readonly name: string;
  readonly began: number;
  readonly ended: number;
  readonly note: string;
  readonly resumes?: Resumed;
  readonly harm?: Harm;
  readonly servingMs?: readonly number[];
}

/** Milliseconds, by what had to resume. */
export type ResumeTimes = Readonly<Record<Resumed, readonly number[]>>;

type Counted = Harm & { readonly resumes: Resumed };

/** What arrives sooner after a harm may still be from whoever was killed, in milliseconds. */
const UNDER_WAY_MS = 200;
/** How many writes before and after a harm are looked at for the first that was answered. */
const LOOKED_AT = 2000;

/**
 * For each harm, and each writer and steady follower that took a way to what was harmed: how long until the writer was
 * answered again, or the follower given events. An answer is an acknowledgement or what only a server that has asked
 * the database can say, as that a revision is stale. Less the time since the harm in which the writer, with all it had
 * written answered, chose to pause; with whatever else was injected before it had resumed.
 */
export async function resumeTimes(
  evidence: Evidence,
  faults: readonly InjectedFault[],
): Promise<ResumeTimes> {
  const times = { server: [] as number[], postgres: [] as number[], failover: [] as number[] };
  const harms = faults.flatMap(({ resumes, harm }): Counted[] =>
    resumes && harm ? [{ ...harm, resumes }] : [],
  );
  for (const { resumes, at, ways } of harms) {
    for (const writer of writersOf(evidence)) {
      if (!ways.includes(writer[0]?.line.way ?? -1)) continue;
      const ms = answeredAfter(writer, at);
      if (ms !== undefined) times[resumes].push(ms);
    }
  }
  for (const file of evidence.files) {
    const open = new Map<string, OpenLine>();
    const next = new Map<string, number>();
    for await (const line of readLines<LedgerLine>(file)) {
      if (line.k === "open") open.set(line.sub, line);
      const subscription = line.k === "page" && line.n > 0 ? open.get(line.sub) : undefined;
      // Those that are behind on purpose, or read again what is old, come to new events when they choose to.
      if (line.k !== "page" || !subscription || /-(slow|resuming)-/.test(line.sub)) continue;
      // Parts of one follower follow each other under one name.
      const follower = line.sub.slice(0, line.sub.lastIndexOf("-"));
      let i = next.get(follower) ?? 0;
      for (let harm = harms[i]; harm && line.t > harm.at; harm = harms[++i]) {
        if (!harm.ways.includes(subscription.way)) continue;
        if (line.t < harm.at + UNDER_WAY_MS) break;
        times[harm.resumes].push(line.t - harm.at);
      }
      next.set(follower, i);
    }
  }
  return times;
}

/** The lanes of each writer, in their order. */
function writersOf({ written }: Evidence): WrittenLane[][] {
  const writers = new Map<number, WrittenLane[]>();
  for (const [number, lane] of written.lanes) {
    // Its writes wait for nobody, and what has to be made later goes first.
    if (lane.line.isJournaled) continue;
    const before = lane.line.continues === undefined ? undefined : writers.get(lane.line.continues);
    const writer = before ?? [];
    writer.push(lane);
    writers.set(number, writer);
  }
  return [...new Set(writers.values())];
}

/** Undefined for a writer that wrote nothing before it, or nothing after it. */
function answeredAfter(writer: readonly WrittenLane[], time: number): number | undefined {
  if (!((writer[0]?.invokedAt[0] ?? Number.POSITIVE_INFINITY) <= time)) return undefined;
  let isWriting = false;
  for (const lane of writer) {
    const made = countInvoked(lane, time);
    isWriting ||= made < lane.count;
    let [first, number] = [Number.POSITIVE_INFINITY, 0];
    for (let n = Math.max(0, made - LOOKED_AT); n < Math.min(lane.count, made + LOOKED_AT); n++) {
      const at = lane.answeredAt[n] as number;
      if (at >= time + UNDER_WAY_MS && at < first) [first, number] = [at, n];
    }
    if (first < Number.POSITIVE_INFINITY) return first - time - pausedMs(lane, number, time);
  }
  return isWriting ? Number.POSITIVE_INFINITY : undefined;
}

/** How long, from a time on, a writer waited for nothing before it made a write. */
function pausedMs(lane: WrittenLane, n: number, time: number): number {
  const made = lane.invokedAt[n] as number;
  // What the lane before it waited for is not known here.
  if (made === lane.invokedAt[0]) return 0;
  let answered = time;
  for (let before = n - 1; before >= Math.max(0, n - LOOKED_AT); before--) {
    // Those made together with it are answered with it.
    if (lane.invokedAt[before] === made) continue;
    answered = Math.max(answered, lane.answeredAt[before] || Number.POSITIVE_INFINITY);
  }
  return Math.max(0, made - answered);
}

/** How many writes of a lane were made by then. */
function countInvoked(lane: WrittenLane, time: number): number {
  let [low, high] = [0, lane.count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lane.invokedAt[middle] as number) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
