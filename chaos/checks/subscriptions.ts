import type { LedgerLine, OpenLine, PageLine } from "../ledger/ledger-line.js";
import { PageDigest } from "../ledger/page-digest.js";
import { readLines } from "../ledger/read-lines.js";
import type { Evidence } from "./evidence.js";
import { Findings } from "./findings.js";
import type { Violation } from "./guarantee.js";
import { idAt, type StoredLog } from "./stored-log.js";

/**
 * Every page of every subscription against what is stored. **Gapless**: from one page to the next, each matching event
 * once, in order. **Resumable**: the first page after a cursor begins right behind it. **Bookmarked**: a page that
 * says it reaches up to a position brought everything up to there.
 */
export async function checkSubscriptions({ files, logs }: Evidence): Promise<Violation[]> {
  const findings = {
    Gapless: new Findings("Gapless"),
    Resumable: new Findings("Resumable"),
    Bookmarked: new Findings("Bookmarked"),
  };
  for (const file of files) {
    const open = new Map<string, { line: OpenLine; through: number; pages: number }>();
    for await (const line of readLines<LedgerLine>(file)) {
      if (line.k === "open") open.set(line.sub, { line, through: line.after, pages: 0 });
      if (line.k !== "page") continue;
      const subscription = open.get(line.sub);
      const log = subscription && logs.get(subscription.line.tenant);
      if (!subscription || !log) continue;
      const wrong = judge(log, subscription.line, subscription.through, line);
      if (wrong) {
        const isFirst = subscription.pages === 0 && subscription.line.after > 0;
        const guarantee = wrong.isTail ? "Bookmarked" : isFirst ? "Resumable" : "Gapless";
        findings[guarantee].add(`subscription ${line.sub}, after ${subscription.through}: ${wrong.text}`);
      }
      subscription.through = line.end;
      subscription.pages += 1;
    }
  }
  return Object.values(findings).flatMap((each) => each.violations);
}

/** What is wrong with a page that follows a position; `isTail` if only behind its last event. */
function judge(
  log: StoredLog,
  { kinds }: OpenLine,
  after: number,
  page: PageLine,
): { readonly text: string; readonly isTail: boolean } | undefined {
  if (page.end < after) return { text: `a page reached back to ${page.end}`, isTail: false };
  if (page.end > log.end) return { text: `a page reached to ${page.end} of ${log.end}`, isTail: false };
  const digest = new PageDigest();
  let expected = 0;
  let behind = 0;
  for (let position = after + 1; position <= page.end; position++) {
    if (kinds.length > 0 && !kinds.includes(log.kinds[position] ?? 0)) continue;
    if (position > page.last) {
      behind += 1;
      continue;
    }
    expected += 1;
    digest.add(position, idAt(log, position));
  }
  if (expected !== page.n || digest.end() !== page.d) {
    const text = `up to ${page.last} there are ${expected} events, and ${page.n} or others were delivered`;
    return { text, isTail: false };
  }
  if (behind === 0) return undefined;
  return {
    text: `${behind} events between ${page.last} and its checkpoint ${page.end} were not delivered`,
    isTail: true,
  };
}
