import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type AppendResult,
  AppendResultSchema,
  type GeneratedIdSchema,
  type RejectionSchema,
} from "../../../gen/holdfast/v1/log_pb.js";
import { HoldfastError, invalidFields, limitExceeded } from "../../core/errors.js";
import { mapInTurns } from "../../core/in-turns.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { Appender, AppendOptions } from "../../service/appender.js";
import type { EntryLimits } from "../../service/limits.js";
import type { EntryPreparer } from "../../service/prepare-entry.js";
import type { EntryOutcome, PreparedEntry } from "../../service/prepared-entry.js";
import type { Records } from "../../service/records.js";
import { NO_MIN_POSITION } from "../../store/read-min-position.js";
import { statusFromError } from "../status.js";
import type { GivenEntries } from "./append-decoder.js";

export interface AppendContext {
  readonly appender: Appender;
  readonly preparer: EntryPreparer;
  readonly limits: EntryLimits;
}

/**
 * Appends one batch as a caller sent it. Bad entries are rejected by index, the
 * others stored.
 *
 * @throws what refuses the batch as a whole: INVALID_FIELD, LIMIT_EXCEEDED,
 * OVERLOADED, DATABASE_UNAVAILABLE, the signal's reason.
 */
export async function appendBatch(
  { appender, preparer, limits }: AppendContext,
  tenantId: string,
  entries: GivenEntries,
  options: AppendOptions,
): Promise<AppendResult> {
  if (entries instanceof HoldfastError) throw entries;
  checkCount(entries.length, "entries", limits);
  const prepared = entries.map((entry, i) =>
    entry instanceof HoldfastError ? entry : prepare(() => preparer.entry(entry, `entries[${i}].`)),
  );
  return (await appendPrepared(appender, tenantId, prepared, options)).result;
}

/** What became of a batch of new things, and those that are stored, both in the order given. */
export interface StoredRecords {
  readonly result: AppendResult;
  readonly stored: readonly FieldBag[];
}

/** Creates many things of one kind as `appendBatch` does; `field` is where they stand in the request. */
export async function appendRecords(
  { appender, limits }: AppendContext,
  tenantId: string,
  records: Records,
  given: readonly FieldBag[],
  field: string,
  signal: AbortSignal,
): Promise<StoredRecords> {
  checkCount(given.length, field, limits);
  // A record may have thousands of numbers: many of them would hold the thread for long.
  const prepared = await mapInTurns(given, (record, i) =>
    prepare(() => records.prepareNew(record, `${field}[${i}].`)),
  );
  const { result, outcomes } = await appendPrepared(appender, tenantId, prepared, { signal });
  const ids = outcomes.flatMap((outcome) => (outcome instanceof HoldfastError ? [] : [outcome.id]));
  return { result, stored: await records.batchGet(tenantId, ids, NO_MIN_POSITION) };
}

async function appendPrepared(
  appender: Appender,
  tenantId: string,
  prepared: readonly (PreparedEntry | HoldfastError)[],
  options: AppendOptions,
): Promise<{ result: AppendResult; outcomes: readonly EntryOutcome[] }> {
  const sound = prepared.filter((entry): entry is PreparedEntry => !(entry instanceof HoldfastError));
  const outcomes = await appender.append(tenantId, sound, options);
  let next = 0;
  return { result: result(prepared, () => outcomes[next++]), outcomes };
}

function prepare(entry: () => PreparedEntry): PreparedEntry | HoldfastError {
  try {
    return entry();
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

function checkCount(count: number, field: string, { maxEntriesPerBatch }: EntryLimits): void {
  if (count === 0) {
    const description = `expected 1 to ${maxEntriesPerBatch} entries, got none`;
    throw invalidFields([{ field, description }]);
  }
  if (count > maxEntriesPerBatch) {
    throw limitExceeded(field, "entries", maxEntriesPerBatch, count);
  }
}
