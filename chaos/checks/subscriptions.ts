import type { LedgerLine, OpenLine, PageLine } from "../ledger/ledger-line.js";
import { PageDigest } from "../ledger/page-digest.js";
import { readLines } from "../ledger/read-lines.js";
import type { Evidence } from "./evidence.js";
import { Findings } from "./findings.js";
import type { Violation } from "./guarantee.js";
import { type Histories, type History, isOver } from "./histories.js";
import { idAt, type StoredLog } from "./stored-log.js";

/** A subscription as far as it was read. */
interface Reader {
  readonly line: OpenLine;
  readonly histories: Histories;
  through: number;
  pages: number;
  /** Those that all its pages, and those before its cursor, can be of. */
  possible: readonly History[];
  /** From which end of a page on which were possible. */
  readonly turns: { readonly end: number; readonly possible: readonly History[] }[];
}

/**
 * Every page of every subscription against what is stored. **Gapless**: from one page to the next, each matching event
 * once, in order. **Resumable**: the first page after a cursor begins right behind it. **Bookmarked**: a page that
 * says it reaches up to a position brought everything up to there.
 *
 * Where a primary was lost with what it had, all pages of one subscription, and those before the cursor that it began with,
 * must be of one history: whoever read what was lost is not moved on, and nobody is given what is in no history.
 */
export async function checkSubscriptions({ files, histories }: Evidence): Promise<Violation[]> {
  const findings = {
    Gapless: new Findings("Gapless"),
    Resumable: new Findings("Resumable"),
    Bookmarked: new Findings("Bookmarked"),
  };
  for (const file of files) {
    const readers = new Map<string, Reader>();
    for await (const line of readLines<LedgerLine>(file)) {
      if (line.k === "open") {
        const all = histories.get(line.tenant);
        if (all) readers.set(line.sub, open(line, all, readers));
      }
      if (line.k === "diverged") {
        const all = readers.get(line.sub)?.histories.all ?? [];
        if (!all.some(({ since }) => since <= line.t))
          findings.Resumable.add(`subscription ${line.sub} ended as if the log had diverged`);
      }
      const reader = line.k === "page" ? readers.get(line.sub) : undefined;
      if (line.k !== "page" || !reader) continue;
      const wrong = read(reader, line);
      if (wrong) {
        const isFirst = reader.pages === 0 && reader.line.after > 0;
        const guarantee = wrong.isTail ? "Bookmarked" : isFirst ? "Resumable" : "Gapless";
        findings[guarantee].add(`subscription ${line.sub}, after ${reader.through}: ${wrong.text}`);
      }
      reader.through = line.end;
      reader.pages += 1;
    }
  }
  return Object.values(findings).flatMap((each) => each.violations);
}

function open(line: OpenLine, histories: Histories, readers: ReadonlyMap<string, Reader>): Reader {
  // The start of a log is that of every history.
  const of = line.after > 0 ? line.of : undefined;
  const before =
    of === undefined ? undefined : readers.get(of)?.turns.findLast(({ end }) => end <= line.after);
  const possible = before?.possible ?? histories.all;
  return { line, histories, through: line.after, pages: 0, possible, turns: [{ end: 0, possible }] };
}

interface Wrong {
  readonly text: string;
  /** Whether only behind the last event. */
  readonly isTail: boolean;
}

/** What is wrong with the next page of a subscription. */
function read(reader: Reader, page: PageLine): Wrong | undefined {
  const { line, histories, through } = reader;
  const candidates = reader.possible.filter((history) => !isOver(history, page.t));
  const wrongs = candidates.map(({ log }) => judge(log, line, through, page));
  const possible = candidates.filter((_, i) => wrongs[i] === undefined);
  const isWrong = possible.length === 0;
  if (isWrong || possible.length !== reader.possible.length) {
    reader.possible = isWrong ? [histories.last] : possible;
    reader.turns.push({ end: page.end, possible: reader.possible });
  }
  if (!isWrong) return undefined;
  if (candidates.includes(histories.last)) return wrongs[candidates.indexOf(histories.last)];
  const found = judge(histories.last.log, line, through, page);
  const text = found ? `, given what is in no history: ${found.text}` : "";
  return {
    text: `a reader of what was lost was moved on to ${page.end} without being told${text}`,
    isTail: false,
  };
}

/** What is wrong with a page that follows a position of this log. */
function judge(log: StoredLog, { kinds }: OpenLine, after: number, page: PageLine): Wrong | undefined {
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
