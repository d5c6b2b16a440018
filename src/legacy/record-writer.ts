import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { EntryOutcome, PreparedEntry } from "../service/prepared-entry.js";
import { addImportBatch } from "../store/imports.js";
import type { ImportContext } from "./import-context.js";
import { type MappedRecord, mapRecord } from "./map-record.js";
import { reviseThings } from "./revise-things.js";
import { type BadRecord, type SourceRecord, Unmappable } from "./source-record.js";
import type { IdOf } from "./source-values.js";
import { unlinked, variantOf, withoutName } from "./write-variants.js";

/** Entries written at once: enough to share a commit, few enough to be held several times over. */
const MAX_BATCH_ENTRIES = 1000;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** A record on its way into the log. */
export interface WritableRecord {
  readonly source: SourceRecord;
  readonly mapped: MappedRecord;
  readonly codec: EntityCodec;
  readonly entry: PreparedEntry;
}

/** What became of the records so far. */
export interface WriteTally {
  added: number;
  /** Were there already, with this content. */
  present: number;
  /** Came with other content for an id that was there: its past is a revision, or a row beside it. */
  revised: number;
  zonelessTimes: number;
  setAside: number;
  /** Links to what is not there. */
  dangling: number;
  readonly byTable: Map<string, { read: number; added: number; present: number; revised: number }>;
}

export interface RecordWriterOptions {
  readonly context: ImportContext;
  readonly importId: string;
  readonly idOf: IdOf;
  readonly onBad: (record: BadRecord) => Promise<void>;
  /** Given each batch once it is durable, while the next one is written; awaited before it is given another. */
  readonly onWritten: (records: readonly WritableRecord[]) => Promise<void>;
}

/** Writes records in order, in batches; the next is made ready while one is under way. */
export class RecordWriter {
  readonly tally: WriteTally = {
    added: 0,
    present: 0,
    revised: 0,
    zonelessTimes: 0,
    setAside: 0,
    dangling: 0,
    byTable: new Map(),
  };
  /** Kinds of which an id came with several contents. */
  readonly repeatedKinds = new Set<string>();
  readonly #options: RecordWriterOptions;
  #batch: WritableRecord[] = [];
  #bytes = 0;
  #underWay: Promise<void> = Promise.resolve();
  #told: Promise<void> = Promise.resolve();
  #noted: Promise<void> = Promise.resolve();
  /** Of the batch under way. */
  readonly #refused = new Set<SourceRecord>();
  /** How often each content came again for ids that have several. */
  readonly #repeats = new Map<string, Map<string, number>>();

  constructor(options: RecordWriterOptions) {
    this.#options = options;
  }

  async add(source: SourceRecord): Promise<void> {
    const record = await this.#prepared(source);
    if (!record) return;
    this.tally.zonelessTimes += record.mapped.zonelessTimes;
    this.tally.setAside += record.mapped.setAside;
    this.#count(record, "read");
    this.#batch.push(record);
    this.#bytes += record.entry.byteLength;
    if (this.#batch.length >= MAX_BATCH_ENTRIES || this.#bytes >= MAX_BATCH_BYTES) await this.#send();
  }

  /** Resolves when everything is durable, and told of. */
  async flush(): Promise<void> {
    await this.#send();
    await this.#underWay;
    await this.#told;
  }

  /** Whether the record's id came with several contents. */
  cameAgain(mapped: MappedRecord): boolean {
    return this.#repeats.has(mapped.id);
  }

  async #prepared(source: SourceRecord): Promise<WritableRecord | undefined> {
    const { context, idOf, onBad } = this.#options;
    try {
      const mapped = mapRecord(source, context.codecs, idOf);
      const codec = context.codecs.of(source.kind.entity);
      return { source, mapped, codec, entry: prepare(context, codec, mapped.message) };
    } catch (error) {
      await onBad(badRecord(source, error));
      return undefined;
    }
  }

  async #send(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    if (batch.length === 0) return;
    // Noted before it is written, and while the one before it still is.
    const noted = this.#note(batch);
    noted.catch(() => {});
    await this.#underWay;
    this.#underWay = noted.then(() => this.#writeAndTell(batch));
    // Its failure is met by whoever waits for it next.
    this.#underWay.catch(() => {});
  }

  #note(batch: readonly WritableRecord[]): Promise<void> {
    const { context, importId } = this.#options;
    const things = batch.map(({ codec, entry }) => [codec.entity.name, entry.id] as const);
    // One at a time: each takes the number after the last.
    const noted = this.#noted.then(() =>
      addImportBatch(context.database, context.tenantId, importId, things),
    );
    this.#noted = noted.catch(() => {});
    return noted;
  }

  async #writeAndTell(batch: readonly WritableRecord[]): Promise<void> {
    this.#refused.clear();
    await this.#write(batch);
    await this.#told;
    this.#told = this.#options.onWritten(batch.filter(({ source }) => !this.#refused.has(source)));
    this.#told.catch(() => {});
  }

  async #write(batch: readonly WritableRecord[]): Promise<void> {
    const { context } = this.#options;
    const outcomes = await context.appender.append(
      context.tenantId,
      batch.map(({ entry }) => entry),
      { isAdmitted: true, isDivisible: true },
    );
    const again: WritableRecord[] = [];
    const revised: WritableRecord[] = [];
    for (const [i, record] of batch.entries()) {
      const next = await this.#settle(record, outcomes[i] as EntryOutcome);
      if (next === "revise") revised.push(record);
      else if (next) again.push(next);
    }
    if (revised.length > 0) await this.#revise(revised);
    if (again.length === 0) return;
    await this.#note(again);
    await this.#write(again);
  }

  /** What is still to be done for a record: nothing, a revision, or another entry in place of its own. */
  async #settle(
    record: WritableRecord,
    outcome: EntryOutcome,
  ): Promise<WritableRecord | "revise" | undefined> {
    const { context } = this.#options;
    const { entry, source } = record;
    if (!(outcome instanceof HoldfastError)) {
      if (outcome.duplicate && entry.verb === "create" && this.#repeats.has(entry.id)) return "revise";
      this.#tell(record, outcome.duplicate ? "present" : "added");
      return undefined;
    }
    const instead = (message: FieldBag | undefined): WritableRecord | undefined =>
      message && { ...record, entry: prepare(context, record.codec, message) };
    switch (outcome.reason) {
      case ErrorReason.ID_CONFLICT:
        if (entry.verb === "create") {
          if (!this.#repeats.has(entry.id)) this.#repeats.set(entry.id, new Map());
          this.repeatedKinds.add(source.kind.kind);
          return "revise";
        }
        if (variantOf(record)) return instead(variantOf(record));
        break;
      case ErrorReason.SESSION_CLOSED:
      case ErrorReason.SESSION_NOT_FOUND:
        this.tally.dangling += outcome.reason === ErrorReason.SESSION_NOT_FOUND ? 1 : 0;
        return instead(unlinked(record));
      case ErrorReason.EXTERNAL_ID_TAKEN:
        if (withoutName(record)) return instead(withoutName(record));
        break;
      case ErrorReason.DATABASE_UNAVAILABLE:
      case ErrorReason.OVERLOADED:
      case ErrorReason.INTERNAL:
        throw outcome;
    }
    await this.#refuse(source, outcome);
    return undefined;
  }

  async #refuse(source: SourceRecord, error: unknown): Promise<void> {
    this.#refused.add(source);
    await this.#options.onBad(badRecord(source, error));
  }

  async #revise(records: readonly WritableRecord[]): Promise<void> {
    const { context } = this.#options;
    const numbered = records.map((record) => {
      const hash = record.entry.verb === "create" ? record.entry.requestHash.toString("hex") : "";
      const counts = this.#repeats.get(record.entry.id) ?? new Map<string, number>();
      this.#repeats.set(record.entry.id, counts);
      const occurrence = counts.get(hash) ?? 0;
      counts.set(hash, occurrence + 1);
      return { record, name: `${hash} ${occurrence}` };
    });
    for (const { record, outcome } of await reviseThings(context, numbered)) {
      if (outcome instanceof HoldfastError) await this.#refuse(record.source, outcome);
      else this.#tell(record, outcome);
    }
  }

  #tell(record: WritableRecord, what: "added" | "present" | "revised"): void {
    this.tally[what] += 1;
    this.#count(record, what);
  }

  #count({ codec }: WritableRecord, what: "read" | "added" | "present" | "revised"): void {
    const { table } = codec.entity;
    const counts = this.tally.byTable.get(table) ?? { read: 0, added: 0, present: 0, revised: 0 };
    counts[what] += 1;
    this.tally.byTable.set(table, counts);
  }
}

function prepare({ preparer, actor }: ImportContext, codec: EntityCodec, message: FieldBag): PreparedEntry {
  return codec.entity.nature === "append"
    ? preparer.append(codec, message, "")
    : { ...preparer.create(codec, message, ""), by: { actor } };
}

/** @throws whatever is no defect of the record */
function badRecord({ file, path, text }: SourceRecord, error: unknown): BadRecord {
  if (!(error instanceof Unmappable || error instanceof HoldfastError)) throw error;
  return { file, path, reason: error.message, raw: Buffer.from(text, "utf8"), endsFile: false };
}
