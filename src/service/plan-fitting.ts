import { HoldfastError } from "../core/errors.js";
import type { Steps } from "../core/steps.js";
import { type BatchEnd, endsWithin, wholeBatches } from "./batch-ends.js";
import { earlierFate } from "./earlier-fate.js";
import type { FlushFacts } from "./flush-facts.js";
import type { EntryFate, FlushPlan, PlanContext } from "./flush-plan.js";
import { callTooLarge } from "./flush-refusals.js";
import { planFlush } from "./plan-flush.js";
import type { PreparedEntry } from "./prepared-entry.js";

export interface FittingPlanInput {
  readonly tenantId: string;
  readonly entries: readonly PreparedEntry[];
  /** Of the batches of all entries. */
  readonly ends: readonly BatchEnd[];
  readonly facts: FlushFacts;
  /** How many of the entries, from the first on, can be planned with the facts; 0 if not even the first batch. */
  readonly loaded: number;
}

/**
 * The plan of as many batches as one transaction has room for, see `PlanBounds`. If the first one is too large it is
 * divided. If it may not be, the plan is to refuse its entries as LIMIT_EXCEEDED.
 */
export function* planFitting(
  { tenantId, entries, ends, facts, loaded }: FittingPlanInput,
  context: PlanContext & { readonly maxFlushBytes: number },
): Steps<FlushPlan> {
  const maxBytes = context.maxFlushBytes;
  if (loaded > 0) {
    const bounds = { ends: endsWithin(ends, loaded), maxBytes };
    const plan = yield* planFlush(tenantId, entries.slice(0, loaded), facts, context, bounds);
    const planned = plan.fates.length;
    const count = planned < loaded ? wholeBatches(ends, planned) : planned;
    if (count === planned) return plan;
    if (count > 0) return yield* planFlush(tenantId, entries.slice(0, count), facts, context);
  }
  const nothing = yield* planFlush(tenantId, [], facts, context);
  const refusal = callTooLarge(maxBytes);
  const fates = entries.slice(0, ends[0]?.count).map((entry) => refusedFate(entry, facts, refusal));
  return { ...nothing, fates };
}

/** What is stored already, by a call with fewer entries or by a stream, is answered as in any other flush. */
function refusedFate(entry: PreparedEntry, facts: FlushFacts, refusal: HoldfastError): EntryFate {
  try {
    return earlierFate(entry, facts) ?? { kind: "settled", outcome: refusal };
  } catch (error) {
    if (error instanceof HoldfastError) return { kind: "settled", outcome: error };
    throw error;
  }
}
