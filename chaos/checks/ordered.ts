import { tokenId } from "../ledger/token.js";
import { ACKNOWLEDGED, JOURNALED } from "../ledger/written.js";
import type { Evidence } from "./evidence.js";
import { Findings } from "./findings.js";
import type { Violation } from "./guarantee.js";
import { lostWrite } from "./histories.js";
import type { StoredLog } from "./stored-log.js";

/** A stream's writes stand in the order they were made; and what began after an acknowledgement stands after it. */
export function checkOrdered(evidence: Evidence): Violation[] {
  const findings = new Findings("Ordered");
  for (const log of evidence.logs.values()) {
    checkStreams(evidence, log, findings);
    checkSuccessors(evidence, log, findings);
    checkRealTime(evidence, log, findings);
  }
  return findings.violations;
}

function checkStreams({ written }: Evidence, log: StoredLog, findings: Findings): void {
  const last = new Map<number, number>();
  for (let position = 1; position <= log.end; position++) {
    const lane = log.lanes[position] ?? -1;
    if (!written.lanes.get(lane)?.line.ordered) continue;
    const n = log.numbers[position] ?? 0;
    const before = last.get(lane) ?? -1;
    if (n < before)
      findings.add(`${tokenId({ lane, n })} at ${position} comes after number ${before} of its stream`);
    last.set(lane, n);
  }
}

/** What a process put into its journal stands before all that its successor made. */
function checkSuccessors({ written }: Evidence, log: StoredLog, findings: Findings): void {
  const successors = new Map<number, number>();
  for (const [number, { line }] of written.lanes) {
    if (line.isJournaled && line.continues !== undefined) successors.set(line.continues, number);
  }
  const begun = new Set<number>();
  for (let position = 1; position <= log.end; position++) {
    const lane = log.lanes[position] ?? -1;
    begun.add(lane);
    const successor = successors.get(lane);
    if (successor === undefined || !begun.has(successor)) continue;
    const n = log.numbers[position] ?? 0;
    if (written.lanes.get(lane)?.outcome[n] !== JOURNALED) continue;
    findings.add(`${tokenId({ lane, n })} at ${position} was journaled before its successor's writes`);
  }
}

/** By the clock that all clients share. */
function checkRealTime({ written, histories }: Evidence, log: StoredLog, findings: Findings): void {
  const all = histories.get(log.tenant);
  const times: number[] = [];
  const positions: number[] = [];
  for (const [number, lane] of written.lanes) {
    if (lane.line.tenant !== log.tenant) continue;
    for (let n = 0; n < lane.count; n++) {
      if (lane.outcome[n] !== ACKNOWLEDGED) continue;
      const write = { lane: number, n, position: lane.position[n] ?? 0, t: lane.answeredAt[n] ?? 0 };
      if (all && lostWrite(all, write)) continue;
      times.push(lane.answeredAt[n] ?? 0);
      positions.push(lane.position[n] ?? 0);
    }
  }
  const order = Uint32Array.from(times.keys()).sort((a, b) => (times[a] as number) - (times[b] as number));
  const at = Float64Array.from(order, (i) => times[i] as number);
  // The highest position acknowledged until then.
  const highest = Float64Array.from(order, (i) => positions[i] as number);
  for (let i = 1; i < highest.length; i++) {
    highest[i] = Math.max(highest[i] as number, highest[i - 1] as number);
  }
  for (let position = 1; position <= log.end; position++) {
    const lane = log.lanes[position] ?? -1;
    const n = log.numbers[position] ?? 0;
    const invokedAt = written.lanes.get(lane)?.invokedAt[n];
    if (!invokedAt) continue;
    const before = highest[countBefore(at, invokedAt) - 1] ?? 0;
    if (before >= position) {
      findings.add(`${tokenId({ lane, n })} at ${position} was made after ${before} had been acknowledged`);
    }
  }
}

/** How many of the sorted values are less. */
function countBefore(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
