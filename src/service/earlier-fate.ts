import { entryKey, type FlushFacts, factKey } from "./flush-facts.js";
import type { EntryFate } from "./flush-plan.js";
import { idConflict } from "./flush-refusals.js";
import type { PreparedEntry } from "./prepared-entry.js";

/**
 * The fate of an entry that an earlier flush stored under the same id; undefined if none did.
 *
 * @throws ID_CONFLICT if the content differs
 */
export function earlierFate(entry: PreparedEntry, facts: FlushFacts): EntryFate | undefined {
  const earlier = facts.earlier.get(factKey(entry.codec, entryKey(entry)));
  if (!earlier) return undefined;
  if (!earlier.hash.equals(entryHash(entry))) throw idConflict(entry);
  const { position, id, record } = earlier;
  return { kind: "settled", outcome: { position, id, duplicate: true, record: () => record } };
}

/** What tells whether an entry with the same id is the same. */
export function entryHash(entry: PreparedEntry): Buffer {
  return entry.verb === "append" ? entry.contentHash : entry.requestHash;
}
