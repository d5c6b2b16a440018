import { tokenId } from "../ledger/token.js";
import { ACKNOWLEDGED, JOURNALED, type WrittenLane } from "../ledger/written.js";
import type { Evidence } from "./evidence.js";
import { Findings } from "./findings.js";
import type { Violation } from "./guarantee.js";
import { has, lostWrite, wasLost } from "./histories.js";
import type { StoredLog } from "./stored-log.js";

/**
 * What was acknowledged is there, at the position it was acknowledged at; what was journaled is there. Unless a primary had it
 * there that no standby followed any more.
 */
export function checkDurable({ written, logs, histories }: Evidence): Violation[] {
  const findings = new Findings("Durable");
  for (const [number, lane] of written.lanes) {
    const log = logs.get(lane.line.tenant);
    const all = histories.get(lane.line.tenant);
    const stored = lane.line.isJournaled && log ? numbersOf(log, number) : undefined;
    for (let n = 0; n < lane.count; n++) {
      if (lane.outcome[n] === JOURNALED && !stored?.has(n) && !(all && wasLost(all, number, n)))
        findings.add(`${nameOf(lane, n)} was journaled and is not stored`);
      if (lane.outcome[n] !== ACKNOWLEDGED) continue;
      const position = lane.position[n] ?? 0;
      const write = { lane: number, n, position, t: lane.answeredAt[n] ?? 0 };
      if ((log && has(log, write)) || (all && lostWrite(all, write))) continue;
      findings.add(`${nameOf(lane, n)} was acknowledged at ${position}, where it is not`);
    }
  }
  return findings.violations;
}

/** What of a lane is stored. */
function numbersOf(log: StoredLog, lane: number): ReadonlySet<number> {
  const numbers = new Set<number>();
  for (let position = 1; position <= log.end; position++) {
    if (log.lanes[position] === lane) numbers.add(log.numbers[position] ?? 0);
  }
  return numbers;
}

function nameOf({ line: { role, lane } }: WrittenLane, n: number): string {
  return `${role} ${tokenId({ lane, n })}`;
}
