import type { EntityCodec } from "../entities/entity-codec.js";
import type { Flush } from "../store/append.js";
import type { RulesByEntity } from "./entity-rules.js";
import type { PlacedEntry } from "./placed-entry.js";
import type { EntryOutcome, PreparedEntry } from "./prepared-entry.js";

export interface PlanContext {
  readonly sessionCodec: EntityCodec;
  readonly rules: RulesByEntity;
  /**
   * The last entries of calls. A plan that takes too many steps ends after one of them, since what one call appends is
   * stored together; without them it never ends early.
   */
  readonly callEnds?: ReadonlySet<PreparedEntry>;
}

/** What to write, and what became of each entry; entries to be written have their offset. */
export interface FlushPlan {
  readonly flush: Flush;
  /** Of the entries in order, at least one; fewer than there are entries if they take more than MAX_FLUSH_STEPS. */
  readonly fates: readonly EntryFate[];
  /** Every change the flush makes, by offset: those of entries and those that follow from them. */
  readonly placed: readonly PlacedEntry[];
}

export type EntryFate =
  | { readonly kind: "settled"; readonly outcome: EntryOutcome }
  | { readonly kind: "placed"; readonly placed: PlacedEntry }
  /** The same entry stands earlier in this flush. */
  | { readonly kind: "repeated"; readonly placed: PlacedEntry };
