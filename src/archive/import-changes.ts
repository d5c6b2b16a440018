import { HoldfastError } from "../core/errors.js";
import { localName } from "../entities/local-name.js";
import type { Appender } from "../service/appender.js";
import { appendRow } from "../service/prepare-entry.js";
import type { CreateEntry, PatchEntry, PreparedEntry } from "../service/prepared-entry.js";
import { withAppender } from "../service/with-appender.js";
import { ArchiveError } from "./archive-error.js";
import { ARCHIVE_WRITER } from "./archive-writer.js";
import { type ArchivedChange, archivedChanges } from "./archived-changes.js";
import type { ImportOptions, ImportReport, Refusal } from "./import-archive.js";
import type { OpenedExport } from "./open-export.js";

/** Entries of one batch, and about their bytes. */
const BATCH_ENTRIES = 500;
const BATCH_BYTES = 4 * 1024 * 1024;

/**
 * Writes what of a log belongs to a session or an agent as new changes, at the
 * end of the tenant's log and through what every client's changes go through.
 * Ids and request ids are those of the export, so what is there already is
 * recognised. One that is refused does not keep the others out.
 *
 * @throws ArchiveError damaged, truncated, version; nothing is written unless all of it is sound
 */
export async function importChanges(
  source: OpenedExport,
  options: ImportOptions,
  tenantId: string,
): Promise<ImportReport> {
  const { url, codecs, settings, onProgress, signal } = options;
  // Read through once before anything is written: there is no taking back.
  let lines = 0;
  for await (const _ of archivedChanges(source, codecs)) {
    signal?.throwIfAborted();
    lines += 1;
    if (lines % BATCH_ENTRIES === 0) onProgress?.({ what: "checking", rows: lines });
  }
  for (const file of source.manifest.files) {
    if (file.holds === "current") for await (const _ of source.lines(file));
  }
  return withAppender(url, settings, ARCHIVE_WRITER, async (appender) => {
    const batch = new Batch(appender, tenantId);
    let written = 0;
    for await (const change of archivedChanges(source, codecs)) {
      signal?.throwIfAborted();
      // As new changes they would be without what was noted of them: that they were withdrawn, say.
      if (change.outside) batch.leftOut += 1;
      else await batch.add(change);
      written += 1;
      if (written % BATCH_ENTRIES === 0) onProgress?.({ what: "importing", rows: written });
    }
    await batch.write();
    const { added, alreadyThere, leftOut, refusals, position } = batch;
    return { tenantId, position, hash: undefined, isLog: false, added, alreadyThere, leftOut, refusals };
  });
}

class Batch {
  readonly #appender: Appender;
  readonly #tenantId: string;
  #changes: ArchivedChange[] = [];
  #entries: PreparedEntry[] = [];
  #bytes = 0;
  /** Of each thing, as its last change so far left it. */
  readonly #statuses = new Map<string, unknown>();
  added = 0;
  alreadyThere = 0;
  leftOut = 0;
  position = 0n;
  readonly refusals: Refusal[] = [];

  constructor(appender: Appender, tenantId: string) {
    this.#appender = appender;
    this.#tenantId = tenantId;
  }

  async add(change: ArchivedChange): Promise<void> {
    const entry = entryFromChange(change, this.#changed(change));
    this.#changes.push(change);
    this.#entries.push(entry);
    this.#bytes += entry.byteLength;
    if (this.#entries.length >= BATCH_ENTRIES || this.#bytes >= BATCH_BYTES) await this.write();
  }

  /** What the record says, without a status that stays as it was: that is no transition, and not to be checked as one. */
  #changed(change: ArchivedChange): Readonly<Record<string, unknown>> {
    const fields = contentOf(change);
    const { lifecycle, table } = change.codec.entity;
    if (!lifecycle) return fields;
    const name = localName(change.codec.entity, lifecycle.field);
    const key = `${table} ${change.record.id}`;
    const isSame = change.revision?.change !== "CREATED" && this.#statuses.get(key) === fields[name];
    this.#statuses.set(key, fields[name]);
    if (!isSame) return fields;
    const { [name]: _, ...others } = fields;
    return others;
  }

  async write(): Promise<void> {
    const outcomes = await this.#appender.append(this.#tenantId, this.#entries, { isDivisible: true });
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome instanceof HoldfastError) {
        this.refusals.push({ where: this.#changes[i]?.where ?? "", reason: outcome.message });
        continue;
      }
      if (outcome.duplicate) this.alreadyThere += 1;
      else this.added += 1;
      if (outcome.position > this.position) this.position = outcome.position;
    }
    [this.#changes, this.#entries, this.#bytes] = [[], [], 0];
  }
}

function entryFromChange(change: ArchivedChange, fields: Readonly<Record<string, unknown>>): PreparedEntry {
  const { codec, record: message, row, revision, where } = change;
  const { byteLength } = codec.hash(row);
  const id = message.id as string;
  const common = { codec, idIsOurs: false, path: `${where}: `, byteLength };
  if (!revision) return appendRow(codec, row, id, false);
  const { requestId, requestHash } = revision;
  const actor = codec.entity.actor && (message[localName(codec.entity, codec.entity.actor)] as string);
  const by = actor === undefined ? undefined : { actor };
  if (revision.change === "CREATED") {
    if (requestId !== id)
      throw new ArchiveError("damaged", `${where}: expected request_id ${id}, got ${requestId}`);
    return { ...common, verb: "create", message, id, requestHash, settled: fields, by } satisfies CreateEntry;
  }
  return {
    ...common,
    verb: "patch",
    id,
    requestId,
    requestHash,
    change: revision.change,
    // By a function where maps would be merged with what is there.
    fields: codec.entity.mergedMaps ? () => fields : fields,
    expectedRevision: (message.revision as bigint) - 1n,
    by,
  } satisfies PatchEntry;
}

/** Everything that the record says, what it says nothing of as undefined. */
function contentOf({ codec, record }: ArchivedChange): Readonly<Record<string, unknown>> {
  const set = new Set([
    "position",
    "create_time",
    "update_time",
    "revision",
    ...(codec.entity.storedElsewhere ?? []),
  ]);
  const fields = codec.entity.message.fields.filter(({ name }) => !set.has(name));
  return Object.fromEntries(fields.map(({ localName: name }) => [name, record[name]]));
}
