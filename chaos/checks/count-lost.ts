import { ACKNOWLEDGED } from "../ledger/written.js";
import type { Evidence } from "./evidence.js";
import { has, lostWrite } from "./histories.js";

/** How many acknowledged writes were lost with the primary that had them. */
export function countLost({ written, histories }: Evidence): number {
  let count = 0;
  for (const [number, lane] of written.lanes) {
    const all = histories.get(lane.line.tenant);
    if (!all || all.all.length === 1) continue;
    for (let n = 0; n < lane.count; n++) {
      const write = { lane: number, n, position: lane.position[n] ?? 0, t: lane.answeredAt[n] ?? 0 };
      if (lane.outcome[n] !== ACKNOWLEDGED || has(all.last.log, write)) continue;
      if (lostWrite(all, write)) count += 1;
    }
  }
  return count;
}
