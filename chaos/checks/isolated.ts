import { tokenId } from "../ledger/token.js";
import type { Evidence } from "./evidence.js";
import { Findings } from "./findings.js";
import type { Violation } from "./guarantee.js";

/** What one tenant wrote stands in its own log and in no other. What strangers were shown clients tell themselves. */
export function checkIsolated({ written, logs }: Evidence): Violation[] {
  const findings = new Findings("Isolated");
  for (const log of logs.values()) {
    for (let position = 1; position <= log.end; position++) {
      const lane = log.lanes[position] ?? -1;
      const tenant = written.lanes.get(lane)?.line.tenant;
      if (tenant === undefined || tenant === log.tenant) continue;
      const token = tokenId({ lane, n: log.numbers[position] ?? 0 });
      findings.add(`${token} of tenant ${tenant} stands in the log of ${log.tenant}`);
    }
  }
  return findings.violations;
}
