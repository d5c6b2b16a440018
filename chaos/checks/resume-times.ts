import type { LedgerLine } from "../ledger/ledger-line.js";
import { readLines } from "../ledger/read-lines.js";
import { ACKNOWLEDGED, type WrittenLane } from "../ledger/written.js";
import type { Evidence } from "./evidence.js";

/** A fault as it was injected; times in milliseconds of the clock that all processes share. */
export interface InjectedFault {
  readonly name: string;
  readonly began: number;
  readonly ended: number;
  readonly note: string;
  readonly resumes?: "server" | "postgres";
}

/** How many writes after a fault are looked at for the first that was acknowledged. */
const LOOKED_AT = 2000;

/**
 * For each client and fault, how long after the fault something new was acknowledged to it, or delivered: a write made
 * after the fault, an event of a position nobody had been told of before it. In milliseconds, by what had to resume.
 */
export async function resumeTimes(
  evidence: Evidence,
  faults: readonly InjectedFault[],
): Promise<Readonly<Record<"server" | "postgres", number[]>>> {
  const times = { server: [] as number[], postgres: [] as number[] };
  const counted = faults.flatMap((fault) => (fault.resumes ? [{ ...fault, resumes: fault.resumes }] : []));
  for (const { began, resumes } of counted) {
    for (const lane of evidence.written.lanes.values()) {
      const at = firstAcknowledged(lane, began);
      if (at !== undefined) times[resumes].push(at - began);
    }
  }
  const known = counted.map(({ began }) => knownAt(evidence, began));
  for (const file of evidence.files) {
    const tenants = new Map<string, string>();
    const waiting = new Map<string, number>();
    for await (const line of readLines<LedgerLine>(file)) {
      if (line.k === "open") tenants.set(line.sub, line.tenant);
      if (line.k !== "page" || line.n === 0) continue;
      // Parts of one follower follow each other under one name.
      const follower = line.sub.slice(0, line.sub.lastIndexOf("-"));
      // Those that are behind on purpose, or read again what is old, come to new events when they choose to.
      if (/-(slow|resuming)$/.test(follower)) continue;
      const next = waiting.get(follower) ?? 0;
      const fault = counted[next];
      if (!fault || line.t <= fault.began) continue;
      if (line.last <= (known[next]?.get(tenants.get(line.sub) ?? "") ?? 0)) continue;
      times[fault.resumes].push(line.t - fault.began);
      waiting.set(follower, next + 1);
    }
  }
  return times;
}

function firstAcknowledged(lane: WrittenLane, after: number): number | undefined {
  let [low, high] = [0, lane.count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lane.invokedAt[middle] as number) <= after) low = middle + 1;
    else high = middle;
  }
  let first: number | undefined;
  for (let n = low; n < Math.min(lane.count, low + LOOKED_AT); n++) {
    const at = lane.acknowledgedAt[n] as number;
    if (lane.outcome[n] === ACKNOWLEDGED && (first === undefined || at < first)) first = at;
  }
  return first;
}

/** The last position acknowledged by then, by tenant. */
function knownAt({ written }: Evidence, time: number): Map<string, number> {
  const known = new Map<string, number>();
  for (const lane of written.lanes.values()) {
    let last = known.get(lane.line.tenant) ?? 0;
    for (let n = 0; n < lane.count; n++) {
      if (lane.outcome[n] !== ACKNOWLEDGED || (lane.acknowledgedAt[n] as number) > time) continue;
      last = Math.max(last, lane.position[n] as number);
    }
    known.set(lane.line.tenant, last);
  }
  return known;
}
