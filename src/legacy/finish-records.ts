import { create } from "@bufbuild/protobuf";
import { SessionStatus } from "../../gen/holdfast/v1/session_pb.js";
import { HoldfastError } from "../core/errors.js";
import { uuidV5 } from "../core/uuid.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { PatchEntry } from "../service/prepared-entry.js";
import type { Run } from "../store/database.js";
import { findRecords } from "../store/read-records.js";
import type { ImportContext } from "./import-context.js";
import { type MappedRecord, mapRecord } from "./map-record.js";
import type { SourceRecord } from "./source-record.js";
import type { IdOf } from "./source-values.js";

const MAX_BATCH = 500;

/**
 * What can only be said once everything is there: the goal above a goal, which
 * may come later in its file, and the end of a session, after which nothing
 * more may be recorded in it.
 */
export class RecordFinisher {
  /** Goals above that are not there. */
  dangling = 0;
  readonly #context: ImportContext;
  readonly #idOf: IdOf;
  #batch: { readonly source: SourceRecord; readonly mapped: MappedRecord }[] = [];

  constructor(context: ImportContext, idOf: IdOf) {
    this.#context = context;
    this.#idOf = idOf;
  }

  async add(source: SourceRecord): Promise<void> {
    const mapped = mapRecord(source, this.#context.codecs, this.#idOf);
    if (mapped.parentSourceId === undefined && !mapped.isEnded) return;
    this.#batch.push({ source, mapped });
    if (this.#batch.length >= MAX_BATCH) await this.flush();
  }

  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    const { appender, codecs, database, tenantId } = this.#context;
    const current = new Map<string, FieldBag>();
    const read = async (run: Run) => {
      for (const entity of new Set(batch.map(({ source }) => source.kind.entity))) {
        const ids = batch
          .filter(({ source }) => source.kind.entity === entity)
          .map(({ mapped }) => mapped.id);
        for (const record of await findRecords(run, codecs.of(entity), tenantId, [...new Set(ids)])) {
          current.set(record.id as string, record);
        }
      }
    };
    await database.read(tenantId, read, { byKey: true });
    const patches = new Map<string, PatchEntry>();
    for (const { source, mapped } of batch) {
      const found = current.get(mapped.id);
      const fields = found && this.#finish(mapped, found);
      // Of a goal that comes twice the later one says where it belongs.
      if (fields) patches.set(mapped.id, this.#patch(source, mapped, fields));
    }
    const outcomes = await appender.append(tenantId, [...patches.values()], {
      isAdmitted: true,
      isDivisible: true,
    });
    for (const outcome of outcomes) if (outcome instanceof HoldfastError) this.dangling += 1;
  }

  #finish(mapped: MappedRecord, found: FieldBag): Readonly<Record<string, unknown>> | undefined {
    if (mapped.parentSourceId !== undefined) {
      const parentGoalId = this.#idOf("goal", mapped.parentSourceId);
      return found.parentGoalId === parentGoalId ? undefined : { parentGoalId };
    }
    return found.status === SessionStatus.ACTIVE ? { status: SessionStatus.COMPLETED } : undefined;
  }

  #patch(source: SourceRecord, { id }: MappedRecord, fields: Readonly<Record<string, unknown>>): PatchEntry {
    const { codecs, preparer, actor } = this.#context;
    const { entity } = source.kind;
    const entry = preparer.patch({
      codec: codecs.of(entity),
      id,
      requestId: uuidV5(id, `finish ${JSON.stringify(fields)}`),
      schema: entity.message,
      request: Object.assign(create(entity.message), { id }, fields) as never,
      fields,
      path: "",
      idField: "id",
    });
    return { ...entry, by: { actor } };
  }
}
