import { tokenId } from "../ledger/token.js";
import { ACKNOWLEDGED } from "../ledger/written.js";
import type { Evidence } from "./evidence.js";
import { Findings } from "./findings.js";
import type { Violation } from "./guarantee.js";

/** What was acknowledged is there, at the position it was acknowledged at. */
export function checkDurable({ written, logs }: Evidence): Violation[] {
  const findings = new Findings("Durable");
  for (const [number, lane] of written.lanes) {
    const log = logs.get(lane.line.tenant);
    for (let n = 0; n < lane.count; n++) {
      if (lane.outcome[n] !== ACKNOWLEDGED) continue;
      const position = lane.position[n] ?? 0;
      if (log?.lanes[position] === number && log.numbers[position] === n) continue;
      findings.add(
        `${lane.line.role} ${tokenId({ lane: number, n })} was acknowledged at ${position}, where it is not`,
      );
    }
  }
  return findings.violations;
}
