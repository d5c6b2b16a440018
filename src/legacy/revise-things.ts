import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { uuidV5 } from "../core/uuid.js";
import type { FieldBag } from "../entities/field-codec.js";
import { localName } from "../entities/local-name.js";
import type { PatchEntry } from "../service/prepared-entry.js";
import type { Run } from "../store/database.js";
import { findRecords } from "../store/read-records.js";
import type { ImportContext } from "./import-context.js";
import type { WritableRecord } from "./record-writer.js";
import { differingFields } from "./same-fields.js";

export interface Revision {
  readonly record: WritableRecord;
  /** Of this content and how often it came before: the same in every run. */
  readonly name: string;
}

export interface RevisionOutcome {
  readonly record: WritableRecord;
  readonly outcome: "present" | "revised" | HoldfastError;
}

/** Gives things that are there already the content of later records of the same id, in their order. */
export async function reviseThings(
  context: ImportContext,
  revisions: readonly Revision[],
): Promise<readonly RevisionOutcome[]> {
  const outcomes: RevisionOutcome[] = [];
  let left = revisions;
  while (left.length > 0) {
    // One revision a thing and round: each is compared with what the one before it left.
    const ids = new Set<string>();
    const round: Revision[] = [];
    const later: Revision[] = [];
    for (const revision of left) {
      const key = `${revision.record.codec.entity.table} ${revision.record.mapped.id}`;
      (ids.has(key) ? later : round).push(revision);
      ids.add(key);
    }
    outcomes.push(...(await reviseOnce(context, round)));
    left = later;
  }
  return outcomes;
}

async function reviseOnce(
  context: ImportContext,
  round: readonly Revision[],
): Promise<readonly RevisionOutcome[]> {
  const current = await readCurrent(context, round);
  const outcomes: RevisionOutcome[] = [];
  const patches: { readonly revision: Revision; readonly entry: PatchEntry }[] = [];
  for (const revision of round) {
    const { record } = revision;
    const found = current.get(`${record.codec.entity.table} ${record.mapped.id}`);
    if (found && isAsGiven(record, found)) outcomes.push({ record, outcome: "present" });
    else patches.push({ revision, entry: patchEntry(context, revision, found, true) });
  }
  const answers = await append(context, patches);
  const retried: { revision: Revision; entry: PatchEntry }[] = [];
  for (const [i, { revision }] of patches.entries()) {
    const answer = answers[i];
    const isRefused = answer instanceof HoldfastError;
    if (isRefused && answer.reason === ErrorReason.ILLEGAL_TRANSITION) {
      const { record } = revision;
      const found = current.get(`${record.codec.entity.table} ${record.mapped.id}`);
      retried.push({ revision, entry: patchEntry(context, revision, found, false) });
    } else outcomes.push({ record: revision.record, outcome: outcomeOf(answer) });
  }
  // What is finished stays so; what else the record says is kept all the same.
  const second = await append(context, retried);
  for (const [i, { revision }] of retried.entries()) {
    outcomes.push({ record: revision.record, outcome: outcomeOf(second[i]) });
  }
  return outcomes;
}

function append(context: ImportContext, patches: readonly { readonly entry: PatchEntry }[]) {
  const entries = patches.map(({ entry }) => entry);
  return context.appender.append(context.tenantId, entries, { isAdmitted: true, isDivisible: true });
}

function outcomeOf(
  answer: HoldfastError | { readonly duplicate: boolean } | undefined,
): RevisionOutcome["outcome"] {
  if (answer instanceof HoldfastError) return answer;
  return answer?.duplicate ? "present" : "revised";
}

async function readCurrent(
  { database, tenantId }: ImportContext,
  round: readonly Revision[],
): Promise<ReadonlyMap<string, FieldBag>> {
  const found = new Map<string, FieldBag>();
  const codecs = new Set(round.map(({ record }) => record.codec));
  const read = async (run: Run) => {
    for (const codec of codecs) {
      const ids = round.filter(({ record }) => record.codec === codec).map(({ record }) => record.mapped.id);
      for (const record of await findRecords(run, codec, tenantId, ids)) {
        found.set(`${codec.entity.table} ${record.id}`, record);
      }
    }
  };
  await database.read(tenantId, read, { byKey: true });
  return found;
}

/** Whether the thing says all that the record does; where it is in its life may have gone on. */
function isAsGiven({ codec, mapped }: WritableRecord, found: FieldBag): boolean {
  const { lifecycle } = codec.entity;
  const status = lifecycle && localName(codec.entity, lifecycle.field);
  const names = mapped.given.filter((name) => name !== status && !FIXED.has(name));
  return differingFields(codec.entity, mapped.message, found, names).length === 0;
}

function patchEntry(
  { preparer, actor }: ImportContext,
  { record, name }: Revision,
  found: FieldBag | undefined,
  withStatus: boolean,
): PatchEntry {
  const { codec, mapped } = record;
  const { lifecycle, message } = codec.entity;
  const status = lifecycle && localName(codec.entity, lifecycle.field);
  const names = mapped.given.filter((given) => {
    if (FIXED.has(given)) return false;
    return given !== status || (withStatus && found?.[given] !== mapped.message[given]);
  });
  const entry = preparer.patch({
    codec,
    id: mapped.id,
    requestId: uuidV5(mapped.id, `revision ${name}`),
    schema: message,
    request: Object.assign(create(message), mapped.message) as never,
    fields: Object.fromEntries(names.map((given) => [given, mapped.message[given]])),
    path: "",
    idField: "id",
  });
  return { ...entry, by: { actor } };
}

/** What never changes in a configuration. */
const FIXED: ReadonlySet<string> = new Set(["key", "layer", "isSecret"]);
