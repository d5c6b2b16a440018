import { NEXT_SESSION, type StepPage } from "./step-page.js";

/** Actions that follow each other without others between, in many sessions. */
export interface FrequentSequence {
  readonly actions: readonly string[];
  /** The sessions it occurs in. */
  readonly support: number;
  /** How often in all, overlapping ones too. */
  readonly occurrences: number;
  /** The mean success of those sessions. */
  readonly successRate: number;
}

export interface MiningLimits {
  /** Sessions a sequence must occur in. */
  readonly minSupport: number;
  readonly minLength: number;
  readonly maxLength: number;
  /** Different sequences of one length that may be counted, which bounds the memory. */
  readonly maxCandidates: number;
  /** Sequences that are answered, the most important ones. */
  readonly limit: number;
}

/** What was found, or undefined if there are more candidates than may be counted. */
export type MinedSequences = readonly FrequentSequence[] | undefined;

interface Tally {
  lastSession: number;
  support: number;
  occurrences: number;
  successes: number;
}

/**
 * The most important frequent sequences, in that order. It goes through the steps once for each length: a sequence can
 * only be frequent if what it begins with and what it ends with are (Agrawal and Srikant, 1995), so only such are
 * counted. Runs in a worker process.
 *
 * @param parts pages of steps, in order
 */
export function mineSequences(
  limits: MiningLimits,
  _tell: unknown,
  parts: readonly (readonly StepPage[])[],
): MinedSequences {
  const pages = parts.flat();
  const names = pages.flatMap((page) => JSON.parse(new TextDecoder().decode(page.names)) as string[]);
  const found = new MostImportant(limits.limit);
  const keep = (key: string, { support, occurrences, successes }: Tally) => {
    const numbers = key.split(" ");
    if (numbers.length < limits.minLength) return;
    const actions = numbers.map((number) => names[Number(number)] as string);
    found.add({ actions, support, occurrences, successRate: successes / support });
  };
  let frequent: Set<string> | undefined;
  for (let length = 1; length <= limits.maxLength; length += 1) {
    const tallies = countLength(pages, length, frequent, limits);
    if (!tallies) return undefined;
    frequent = new Set();
    for (const [key, tally] of tallies) {
      if (tally.support < limits.minSupport) continue;
      frequent.add(key);
      keep(key, tally);
    }
    if (frequent.size === 0) break;
  }
  return found.list();
}

/** @param frequentBefore those that are one action shorter; undefined for the first length */
function countLength(
  pages: readonly StepPage[],
  length: number,
  frequentBefore: ReadonlySet<string> | undefined,
  { maxCandidates }: MiningLimits,
): ReadonlyMap<string, Tally> | undefined {
  const tallies = new Map<string, Tally>();
  let window: number[] = [];
  let session = 0;
  let success = 0;
  for (const { steps, successes } of pages) {
    let sessionsOfPage = 0;
    for (const step of steps) {
      if (step === NEXT_SESSION) {
        success = successes[sessionsOfPage++] as number;
        session += 1;
        window = [];
        continue;
      }
      window.push(step);
      if (window.length > length) window.shift();
      if (window.length < length) continue;
      if (frequentBefore && !frequentBefore.has(window.slice(1).join(" "))) continue;
      if (frequentBefore && !frequentBefore.has(window.slice(0, -1).join(" "))) continue;
      const key = window.join(" ");
      const tally = tallies.get(key);
      if (!tally && tallies.size >= maxCandidates) return undefined;
      if (tally) count(tally, session, success);
      else tallies.set(key, { lastSession: session, support: 1, occurrences: 1, successes: success });
    }
  }
  return tallies;
}

function count(tally: Tally, session: number, success: number): void {
  tally.occurrences += 1;
  if (tally.lastSession === session) return;
  tally.lastSession = session;
  tally.support += 1;
  tally.successes += success;
}

/** Keeps the most important of any number of sequences. */
class MostImportant {
  readonly #limit: number;
  #kept: FrequentSequence[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(sequence: FrequentSequence): void {
    this.#kept.push(sequence);
    if (this.#kept.length >= 4 * this.#limit) this.#kept = [...this.list()];
  }

  list(): readonly FrequentSequence[] {
    return this.#kept.sort(byImportance).slice(0, this.#limit);
  }
}

function byImportance(a: FrequentSequence, b: FrequentSequence): number {
  return (
    b.support - a.support ||
    b.actions.length - a.actions.length ||
    b.successRate - a.successRate ||
    (a.actions.join("\0") < b.actions.join("\0") ? -1 : 1)
  );
}
