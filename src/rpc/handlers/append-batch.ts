import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type AppendResult,
  AppendResultSchema,
  type Entry,
  type GeneratedIdSchema,
  type RejectionSchema,
} from "../../../gen/holdfast/v1/event_pb.js";
import { HoldfastError, invalidFields, limitExceeded } from "../../core/errors.js";
import type { Appender } from "../../service/appender.js";
import type { EntryLimits } from "../../service/limits.js";
import type { EntryPreparer } from "../../service/prepare-entry.js";
import type { EntryOutcome, PreparedEntry } from "../../service/prepared-entry.js";
import { statusFromError } from "../status.js";

export interface AppendContext {
  readonly appender: Appender;
  readonly preparer: EntryPreparer;
  readonly limits: EntryLimits;
}

/**
 * Appends one batch as a caller sent it. Bad entries are rejected by index, the
 * others stored.
 *
 * @param admitted whether the caller has waited for the appender's `room`
 * @throws what refuses the batch as a whole: INVALID_FIELD, LIMIT_EXCEEDED,
 * OVERLOADED, DATABASE_UNAVAILABLE.
 */
export async function appendBatch(
  { appender, preparer, limits }: AppendContext,
  tenantId: string,
  entries: readonly Entry[],
  admitted = false,
): Promise<AppendResult> {
  checkCount(entries.length, limits);
  const prepared = entries.map((entry, i) => prepare(preparer, entry, i));
  const sound = prepared.filter((entry): entry is PreparedEntry => !(entry instanceof HoldfastError));
  const outcomes = await appender.append(tenantId, sound, admitted);
  let next = 0;
  return result(prepared, () => outcomes[next++]);
}

function prepare(preparer: EntryPreparer, entry: Entry, index: number): PreparedEntry | HoldfastError {
  try {
    return preparer.entry(entry, `entries[${index}].`);
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
}

function result(
  prepared: readonly (PreparedEntry | HoldfastError)[],
  nextOutcome: () => EntryOutcome | undefined,
): AppendResult {
  const positions: bigint[] = [];
  const rejections: MessageInitShape<typeof RejectionSchema>[] = [];
  const duplicates: number[] = [];
  const generatedIds: MessageInitShape<typeof GeneratedIdSchema>[] = [];
  for (const [index, entry] of prepared.entries()) {
    const outcome = entry instanceof HoldfastError ? entry : nextOutcome();
    if (outcome === undefined) throw new TypeError(`entry ${index} has no outcome`);
    if (outcome instanceof HoldfastError) {
      positions.push(0n);
      rejections.push({ index, status: statusFromError(outcome) });
      continue;
    }
    positions.push(outcome.position);
    if (outcome.duplicate) duplicates.push(index);
    if (!(entry instanceof HoldfastError) && entry.idIsOurs) {
      generatedIds.push({ index, id: entry.verb === "patch" ? entry.requestId : entry.id });
    }
  }
  return create(AppendResultSchema, { positions, rejections, duplicates, generatedIds });
}

function checkCount(count: number, { maxEntriesPerBatch }: EntryLimits): void {
  if (count === 0) {
    const description = `expected 1 to ${maxEntriesPerBatch} entries, got none`;
    throw invalidFields([{ field: "entries", description }]);
  }
  if (count > maxEntriesPerBatch) {
    throw limitExceeded("entries", "entries", maxEntriesPerBatch, count);
  }
}
