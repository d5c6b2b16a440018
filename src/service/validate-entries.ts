import { HoldfastError } from "../core/errors.js";
import type { RulesByEntity } from "./entity-rules.js";
import type { EntryOutcome, PreparedEntry } from "./prepared-entry.js";
import { ValidationNeeded } from "./validation-needed.js";

/**
 * How often one entry is validated. Each time but the first another writer has changed, while that took, what it
 * depends on. Of writers that meet so one always gets its change in: only a crowd makes it more than a few.
 */
const MAX_VALIDATIONS = 10;

export interface ValidationContext {
  readonly tenantId: string;
  readonly rules: RulesByEntity;
  /** Ends validation; its reason, a HoldfastError, is then the outcome. */
  readonly signal: AbortSignal;
  append(entries: readonly PreparedEntry[]): Promise<readonly EntryOutcome[]>;
}

/** Whether the outcome of an entry may be that it needs validation. */
export function mayNeedValidation({ verb, codec }: PreparedEntry, rules: RulesByEntity): boolean {
  return verb !== "append" && rules.get(codec.entity)?.validate !== undefined;
}

/**
 * Validates those entries that a flush found to need it, and appends them again, in their order. What is found
 * wrong with one is its outcome.
 *
 * @param outcomes of all entries in their first flush
 */
export async function appendValidated(
  context: ValidationContext,
  entries: readonly PreparedEntry[],
  outcomes: readonly EntryOutcome[],
): Promise<readonly EntryOutcome[]> {
  const settled = [...outcomes];
  for (let round = 1; round <= MAX_VALIDATIONS; round += 1) {
    const sound: { readonly index: number; readonly entry: PreparedEntry }[] = [];
    for (const [index, entry] of entries.entries()) {
      const outcome = settled[index];
      if (!(outcome instanceof ValidationNeeded)) continue;
      const validated = await validate(context, entry, outcome);
      if (validated instanceof HoldfastError) settled[index] = validated;
      else sound.push({ index, entry: validated });
    }
    if (sound.length === 0) break;
    const again = await appendAgain(
      context,
      sound.map(({ entry }) => entry),
    );
    for (const [i, { index }] of sound.entries()) settled[index] = again[i] as EntryOutcome;
  }
  return settled;
}

async function validate(
  { tenantId, rules, signal }: ValidationContext,
  entry: PreparedEntry,
  { subject }: ValidationNeeded,
): Promise<PreparedEntry | HoldfastError> {
  try {
    await rules.get(entry.codec.entity)?.validate?.(tenantId, subject, signal);
    return { ...entry, validated: subject } as PreparedEntry;
  } catch (error) {
    return HoldfastError.from(error);
  }
}

// Others of the batch are stored: what fails as a whole now is the outcome of these entries alone.
async function appendAgain(
  { append }: ValidationContext,
  entries: readonly PreparedEntry[],
): Promise<readonly EntryOutcome[]> {
  try {
    return await append(entries);
  } catch (error) {
    const failure = HoldfastError.from(error);
    return entries.map(() => failure);
  }
}
