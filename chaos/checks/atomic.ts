import { tokenId } from "../ledger/token.js";
import type { Evidence } from "./evidence.js";
import { Findings } from "./findings.js";
import type { Violation } from "./guarantee.js";
import { isOver } from "./histories.js";

/**
 * An entry is whole or absent; so is what was appended by one call, in one piece of the log; and nobody was told of an
 * end of the log in the middle of a flush.
 */
export function checkAtomic(evidence: Evidence): Violation[] {
  const findings = new Findings("Atomic");
  for (const log of evidence.logs.values()) {
    for (const position of log.damaged) findings.add(`the entry at ${position} is not what was written`);
  }
  checkGroups(evidence, findings);
  for (const { tenant, p, hash, asked } of evidence.heads) {
    if (p === 0) continue;
    const { all = [], last } = evidence.histories.get(tenant) ?? {};
    if (all.some((each) => each !== last && !isOver(each, asked) && each.log.commits.get(p) === hash))
      continue;
    const stored = evidence.logs.get(tenant)?.commits.get(p);
    if (stored === undefined) findings.add(`the log was said to end at ${p}, where no flush ends`);
    else if (stored !== hash) findings.add(`the hash up to ${p} was said to be ${hash} and is ${stored}`);
  }
  return findings.violations;
}

function checkGroups({ written, logs }: Evidence, findings: Findings): void {
  for (const [number, lane] of written.lanes) {
    const log = logs.get(lane.line.tenant);
    if (!lane.line.atomic || !log) continue;
    const places = new Float64Array(lane.count);
    for (let position = 1; position <= log.end; position++) {
      if (log.lanes[position] === number) places[log.numbers[position] ?? 0] = position;
    }
    for (const [from, to] of lane.groups) {
      const first = places[from] ?? 0;
      for (let n = from; n <= to; n++) {
        if (places[n] === (first === 0 ? 0 : first + (n - from))) continue;
        findings.add(`${tokenId({ lane: number, n })} is apart from what was appended with it`);
        break;
      }
    }
  }
}
