import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../../core/errors.js";

/** One action of a session; those of a session come together and in order. */
export interface SessionStep {
  /** Of the session, unlike that of the one before it in the stream. */
  readonly session: string;
  /** Of the session, 0 to 1: the same with each of its actions. */
  readonly success: number;
  readonly action: string;
}

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
}

export interface MinedSequences {
  readonly sequences: readonly FrequentSequence[];
  /** Sessions with actions. */
  readonly sessionCount: number;
}

interface Tally {
  lastSession: number;
  support: number;
  occurrences: number;
  successes: number;
}

/**
 * Every frequent sequence, in no order. It reads the steps once for each length:
 * a sequence can only be frequent if what it begins with and what it ends with
 * are (Agrawal and Srikant, 1995), so only such are counted, and none of the
 * steps is kept.
 *
 * @param steps begins to read the same steps anew with each call.
 * @throws LIMIT_EXCEEDED if there are more candidates than may be counted.
 */
export async function mineSequences(
  steps: () => AsyncIterable<readonly SessionStep[]>,
  limits: MiningLimits,
): Promise<MinedSequences> {
  const single = await countSingle(steps(), limits);
  const names = [...single.tallies]
    .filter(([, tally]) => tally.support >= limits.minSupport)
    .map(([action]) => action);
  const numbers = new Map(names.map((name, i) => [name, i]));
  const found: FrequentSequence[] = [];
  const keep = (actions: readonly string[], { support, occurrences, successes }: Tally) => {
    if (actions.length < limits.minLength) return;
    found.push({ actions, support, occurrences, successRate: successes / support });
  };
  let frequent = new Set<string>();
  for (const name of names) {
    keep([name], single.tallies.get(name) as Tally);
    frequent.add(String(numbers.get(name)));
  }
  for (let length = 2; length <= limits.maxLength && frequent.size > 0; length += 1) {
    const tallies = await countLength(steps(), length, numbers, frequent, limits);
    frequent = new Set();
    for (const [key, tally] of tallies) {
      if (tally.support < limits.minSupport) continue;
      frequent.add(key);
      keep(
        key.split(" ").map((number) => names[Number(number)] as string),
        tally,
      );
    }
  }
  return { sequences: found, sessionCount: single.sessionCount };
}

async function countSingle(pages: AsyncIterable<readonly SessionStep[]>, limits: MiningLimits) {
  const tallies = new Map<string, Tally>();
  let sessionCount = 0;
  let session: string | undefined;
  for await (const page of pages) {
    for (const step of page) {
      if (step.session !== session) {
        session = step.session;
        sessionCount += 1;
      }
      count(tallies, step.action, sessionCount, step.success, limits);
    }
  }
  return { tallies, sessionCount };
}

async function countLength(
  pages: AsyncIterable<readonly SessionStep[]>,
  length: number,
  numbers: ReadonlyMap<string, number>,
  frequentBefore: ReadonlySet<string>,
  limits: MiningLimits,
): Promise<ReadonlyMap<string, Tally>> {
  const tallies = new Map<string, Tally>();
  let window: number[] = [];
  let sessionCount = 0;
  let session: string | undefined;
  for await (const page of pages) {
    for (const step of page) {
      if (step.session !== session) {
        session = step.session;
        sessionCount += 1;
        window = [];
      }
      const number = numbers.get(step.action);
      // No frequent sequence goes through an action that is not frequent.
      window = number === undefined ? [] : [...window, number].slice(-length);
      if (window.length < length) continue;
      if (!frequentBefore.has(window.slice(1).join(" "))) continue;
      if (!frequentBefore.has(window.slice(0, -1).join(" "))) continue;
      count(tallies, window.join(" "), sessionCount, step.success, limits);
    }
  }
  return tallies;
}

function count(
  tallies: Map<string, Tally>,
  key: string,
  session: number,
  success: number,
  { maxCandidates }: MiningLimits,
): void {
  const tally = tallies.get(key);
  if (tally) {
    tally.occurrences += 1;
    if (tally.lastSession === session) return;
    tally.lastSession = session;
    tally.support += 1;
    tally.successes += success;
    return;
  }
  if (tallies.size >= maxCandidates) {
    throw new HoldfastError(
      ErrorReason.LIMIT_EXCEEDED,
      `expected at most ${maxCandidates} different sequences of one length, got more: mine fewer sessions or a higher min_support`,
      { metadata: { limit: String(maxCandidates), actual: String(maxCandidates + 1) } },
    );
  }
  tallies.set(key, { lastSession: session, support: 1, occurrences: 1, successes: success });
}
