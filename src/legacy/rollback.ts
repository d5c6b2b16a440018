import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { SecurityLevel } from "../../gen/holdfast/v1/security_audit_pb.js";
import { HoldfastError } from "../core/errors.js";
import { uuidV5 } from "../core/uuid.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { localName } from "../entities/local-name.js";
import type { PatchEntry, PreparedEntry } from "../service/prepared-entry.js";
import type { Run } from "../store/database.js";
import {
  addImportBatch,
  aloneInTenant,
  readBatchNumbers,
  readImportBatch,
  readImports,
  type StoredImport,
  saveImport,
  withdrawRows,
} from "../store/imports.js";
import { readLogHead } from "../store/log-head.js";
import { type RevisionPlace, readRevisionPlaces } from "../store/read-revision-places.js";
import { readRevisions } from "../store/read-revisions.js";
import type { ImportContext } from "./import-context.js";
import { ImportError } from "./import-error.js";
import type { ImportReport } from "./import-report.js";
import { checkOriginals, restoreOriginals } from "./restore-originals.js";
import { rollbackId } from "./source-ids.js";

export interface RollbackReport {
  readonly importId: string;
  /** Things deleted, rows taken back. */
  readonly removed: number;
  /** Things that were there before, given back their content. */
  readonly restored: number;
  /** Originals under their own names again, from the folder. */
  readonly originals: readonly string[];
}

/** Changed by others since the import: named, and nothing was done. */
export class ChangedSince extends ImportError {
  constructor(
    readonly changed: readonly string[],
    readonly count: number,
  ) {
    const more = count > changed.length ? ` and ${count - changed.length} more` : "";
    super(
      `Changed since the import: ${changed.join(", ")}${more}. Nothing was done; --force removes these as well.`,
    );
  }
}

const NAMED = 10;

/** Undoes one import: what it added is gone from every answer but the log's, and its originals have their names. */
export async function rollback(
  context: ImportContext,
  importId: string,
  force: boolean,
): Promise<RollbackReport> {
  const wait = () => Promise.reject(new ImportError("An import of this tenant is under way"));
  return aloneInTenant(context.database, context.tenantId, wait, async () => {
    const stored = await findImport(context, importId);
    if (stored.status === "ROLLED_BACK") throw new ImportError(`Import ${importId} was rolled back already`);
    const report = JSON.parse(stored.report) as ImportReport;
    await checkOriginals(report);
    const rest = new Undo(context, stored, report);
    await rest.refuseChanged(force);
    await rest.run();
    const originals = await restoreOriginals(report);
    await audit(context, importId, rest);
    const status = "rolled back" as const;
    const rolledBack = { ...report, migration_summary: { ...report.migration_summary, status } };
    await saveImport(context.database, context.tenantId, {
      ...stored,
      status: "ROLLED_BACK",
      report: JSON.stringify(rolledBack),
    });
    return { importId, removed: rest.removed, restored: rest.restored, originals };
  });
}

/** @throws ImportError if this tenant has none of this id */
export async function findImport(
  { database, tenantId }: ImportContext,
  importId: string,
): Promise<StoredImport> {
  const imports = await database.read(tenantId, (run) => readImports(run, tenantId));
  const found = imports.filter(({ id }) => id === importId.toLowerCase());
  if (!found[0]) throw new ImportError(`There is no import ${importId}`);
  return found[0];
}

/** What an import did to one thing. */
interface Trace {
  readonly id: string;
  /** The first revision it made; 1 for what it created. */
  readonly first: bigint;
  readonly isChangedSince: boolean;
  readonly isDeleted: boolean;
}

class Undo {
  removed = 0;
  restored = 0;
  readonly #context: ImportContext;
  readonly #stored: StoredImport;
  readonly #report: ImportReport;
  #end = 0n;

  constructor(context: ImportContext, stored: StoredImport, report: ImportReport) {
    this.#context = context;
    this.#stored = stored;
    this.#report = report;
  }

  async refuseChanged(force: boolean): Promise<void> {
    const { database, tenantId } = this.#context;
    // Of an import that never ended all of it up to here is taken for its own.
    const head = await database.read(tenantId, (run) => readLogHead(run, tenantId));
    const isEnded = this.#stored.status !== "RUNNING";
    this.#end = isEnded ? BigInt(this.#report.migration_details.end_position) : head.position;
    const changed: string[] = [];
    let count = 0;
    await this.#eachBatch(async (codec, traces) => {
      for (const { id } of traces.filter((trace) => trace.isChangedSince && !trace.isDeleted)) {
        count += 1;
        if (changed.length < NAMED) changed.push(`${codec.entity.name} ${id}`);
      }
    });
    if (count > 0 && !force) throw new ChangedSince(changed, count);
  }

  async run(): Promise<void> {
    await this.#eachBatch(async (codec, traces) => {
      const created = traces.filter(({ first, isDeleted }) => first === 1n && !isDeleted).map(({ id }) => id);
      await this.#note(codec, created);
      if (codec.entity.nature === "append") {
        const { database, tenantId } = this.#context;
        this.removed += Number(await withdrawRows(database, tenantId, codec.entity.table, created));
        return;
      }
      this.removed += await this.#append(created.map((id) => this.#deletion(codec, id)));
      for (const trace of traces.filter(({ first, isDeleted }) => first > 1n && !isDeleted)) {
        this.restored += await this.#restore(codec, trace);
      }
    });
  }

  /** Goes through what the import noted, newest batch first: sessions came first and go last. */
  async #eachBatch(use: (codec: EntityCodec, traces: readonly Trace[]) => Promise<void>): Promise<void> {
    const { database, tenantId, codecs } = this.#context;
    const { id } = this.#stored;
    const numbers = await database.read(tenantId, (run) => readBatchNumbers(run, tenantId, id));
    const seen = new Set<string>();
    for (const number of numbers.reverse()) {
      const things = await database.read(tenantId, (run) => readImportBatch(run, tenantId, id, number));
      for (const codec of codecs.all) {
        const ids = things
          .filter(([entity, thing]) => entity === codec.entity.name && !seen.has(thing))
          .map(([, thing]) => thing);
        for (const thing of ids) seen.add(thing);
        if (ids.length === 0) continue;
        const read = (run: Run) => this.#traces(run, codec, [...new Set(ids)]);
        await use(codec, await database.read(tenantId, read, { byKey: true }));
      }
    }
  }

  async #traces(run: Run, codec: EntityCodec, ids: readonly string[]): Promise<readonly Trace[]> {
    const byThing = new Map<string, RevisionPlace[]>();
    for (const place of await readRevisionPlaces(run, codec, this.#context.tenantId, ids)) {
      const places = byThing.get(place[0]);
      if (places) places.push(place);
      else byThing.set(place[0], [place]);
    }
    return [...byThing].flatMap(([id, places]) => {
      const own = places.find(
        ([, , position]) => position > this.#stored.startPosition && position <= this.#end,
      );
      const last = places.at(-1);
      if (!own || !last) return [];
      return { id, first: own[1], isChangedSince: last[2] > this.#end, isDeleted: last[3] === "DELETED" };
    });
  }

  /** Before it is removed: should this end here, what it would be called next time is known. */
  #note(codec: EntityCodec, ids: readonly string[]): Promise<void> {
    const { database, tenantId } = this.#context;
    const things = ids.map((id) => [codec.entity.name, id] as const);
    return addImportBatch(database, tenantId, rollbackId(this.#stored.id), things);
  }

  #deletion(codec: EntityCodec, id: string): PatchEntry {
    // Its name is free again for the same record imported another time.
    return this.#patch(codec, id, { deleteTime: timestampNow(), externalId: "" }, "DELETED", "delete");
  }

  async #restore(codec: EntityCodec, { id, first }: Trace): Promise<number> {
    const { database, tenantId } = this.#context;
    const range = { tenantId, id, below: first, limit: 1 };
    const [before] = await database.read(tenantId, (run) => readRevisions(run, codec, range));
    if (!before) return 0;
    const { updatable = [], lifecycle } = codec.entity;
    const names = updatable.map((name) => localName(codec.entity, name));
    const fields = Object.fromEntries(names.map((name) => [name, before.record[name]]));
    const status = lifecycle && localName(codec.entity, lifecycle.field);
    const current = await database.read(tenantId, (run) =>
      readRevisions(run, codec, { tenantId, id, limit: 1 }),
    );
    if (status && current[0]?.record[status] === fields[status]) delete fields[status];
    const patch = (some: Readonly<Record<string, unknown>>, name: string) =>
      this.#append([this.#patch(codec, id, some, "UPDATED", name)]);
    return patch(fields, "restore").catch((error: unknown) => {
      const isFinal = error instanceof HoldfastError && error.reason === ErrorReason.ILLEGAL_TRANSITION;
      if (!isFinal || !status) throw error;
      const { [status]: _, ...others } = fields;
      return patch(others, "restore what can be");
    });
  }

  #patch(
    codec: EntityCodec,
    id: string,
    fields: Readonly<Record<string, unknown>>,
    change: "UPDATED" | "DELETED",
    name: string,
  ): PatchEntry {
    const { preparer, actor } = this.#context;
    const { message } = codec.entity;
    const entry = preparer.patch({
      codec,
      id,
      requestId: uuidV5(id, `rollback ${this.#stored.id} ${name}`),
      schema: message,
      request: Object.assign(create(message), { id } as Partial<FieldBag>) as never,
      fields,
      change,
      path: "",
      idField: "id",
    });
    return { ...entry, by: { actor } };
  }

  async #append(entries: readonly PreparedEntry[]): Promise<number> {
    const outcomes = await this.#context.appender.append(this.#context.tenantId, entries, {
      isAdmitted: true,
      isDivisible: true,
    });
    for (const outcome of outcomes) if (outcome instanceof HoldfastError) throw outcome;
    return outcomes.length;
  }
}

async function audit(context: ImportContext, importId: string, { removed, restored }: Undo): Promise<void> {
  const { appender, preparer, tenantId, actor } = context;
  const entry = preparer.audit({
    operation: "import rollback",
    actor,
    target: importId,
    valid: true,
    level: SecurityLevel.HIGH,
    message: `removed ${removed} and restored ${restored} things`,
  });
  const [outcome] = await appender.append(tenantId, [entry]);
  if (outcome instanceof HoldfastError) throw outcome;
}
