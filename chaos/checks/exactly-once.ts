import { tokenId } from "../ledger/token.js";
import { FAILED } from "../ledger/written.js";
import type { Evidence } from "./evidence.js";
import { Findings } from "./findings.js";
import type { Violation } from "./guarantee.js";
import { isOver, wasLost } from "./histories.js";

/** However often a write was sent it is there once; what was refused is not there; a goal has one holder at a time. */
export function checkExactlyOnce({ written, logs, histories, leases }: Evidence): Violation[] {
  const findings = new Findings("ExactlyOnce");
  const places = new Map([...written.lanes].map(([number, lane]) => [number, new Float64Array(lane.count)]));
  for (const log of logs.values()) {
    for (let position = 1; position <= log.end; position++) {
      const number = log.lanes[position] ?? -1;
      if (number < 0) continue;
      const n = log.numbers[position] ?? 0;
      const token = tokenId({ lane: number, n });
      const place = places.get(number);
      const lane = written.lanes.get(number);
      if (!place || !lane || n >= lane.count) findings.add(`${token} at ${position} was never sent`);
      else if (place[n])
        findings.add(`${lane.line.role} ${token} is stored at ${place[n]} and at ${position}`);
      else if (lane.outcome[n] === FAILED) findings.add(`${token} is stored at ${position} and was refused`);
      if (place) place[n] = position;
    }
  }
  for (const [number, lane] of written.lanes) {
    const all = histories.get(lane.line.tenant);
    for (const n of lane.moved) {
      if (all && wasLost(all, number, n)) continue;
      findings.add(`${tokenId({ lane: number, n })} was acknowledged at two positions`);
    }
  }
  const lossy = [...histories.values()][0]?.all ?? [];
  // Who held a goal when its lease was lost goes on as if it did.
  const kept = leases.filter(
    ({ since, until }) => !lossy.some((history) => until >= history.since && !isOver(history, since)),
  );
  checkLeases(kept, findings);
  return findings.violations;
}

function checkLeases(leases: Evidence["leases"], findings: Findings): void {
  // Of a lease whose answer came after its end nobody knows when within that time it was held: it proves nothing.
  const sorted = leases.filter(({ since, until }) => since < until).sort((a, b) => a.since - b.since);
  const held = new Map<string, Evidence["leases"][number]>();
  for (const lease of sorted) {
    const before = held.get(lease.goal);
    if (before && before.agent !== lease.agent && lease.since < before.until) {
      findings.add(`goal ${lease.goal} was handed to ${lease.agent} while ${before.agent} held it`);
    }
    held.set(lease.goal, lease);
  }
}
