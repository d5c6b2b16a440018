import type { EntityCodec } from "../entities/entity-codec.js";
import type { Flush } from "../store/append.js";
import type { BatchEnd } from "./batch-ends.js";
import type { RulesByEntity } from "./entity-rules.js";
import type { PlacedEntry } from "./placed-entry.js";
import type { EntryOutcome } from "./prepared-entry.js";

export interface PlanContext {
  readonly sessionCodec: EntityCodec;
  readonly rules: RulesByEntity;
}

/** Where a plan ends early, so that one transaction neither takes too long nor writes too much. */
export interface PlanBounds {
  /** Behind the batch by which the rules take `MAX_FLUSH_STEPS`: what one call appends is stored together. */
  readonly ends: readonly BatchEnd[];
  /**
   * Behind the entry by which the rows to write are so many bytes more than the entries are, since a small change may be
   * of a large row. What the entries are themselves was bounded before.
   */
  readonly maxBytes: number;
}

/** What to write, and what became of each entry; entries to be written have their offset. */
export interface FlushPlan {
  readonly flush: Flush;
  /** Of the entries in order, at least one; fewer than there are entries if they take too many steps or bytes. */
  readonly fates: readonly EntryFate[];
  /** Every change the flush makes, by offset: those of entries and those that follow from them. */
  readonly placed: readonly PlacedEntry[];
}

export type EntryFate =
  | { readonly kind: "settled"; readonly outcome: EntryOutcome }
  | { readonly kind: "placed"; readonly placed: PlacedEntry }
  /** The same entry stands earlier in this flush. */
  | { readonly kind: "repeated"; readonly placed: PlacedEntry };
