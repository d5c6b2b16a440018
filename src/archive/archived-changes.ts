import type { Codecs } from "../entities/codecs.js";
import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { ArchiveError } from "./archive-error.js";
import type { ArchiveLine } from "./archive-line.js";
import type { ArchivedFile } from "./export-manifest.js";
import { bytesMember, textMember, timeMember, wholeMember } from "./log-members.js";
import type { OpenedExport } from "./open-export.js";
import { rowFromLine } from "./record-json.js";

/** One change of a log, as it stands in an export. */
export interface ArchivedChange {
  readonly position: bigint;
  readonly commitMicros: bigint;
  readonly codec: EntityCodec;
  readonly row: Row;
  readonly record: FieldBag;
  readonly contentHash: Buffer;
  /** Only of things that have a state. */
  readonly revision?: ArchivedRevision;
  /** What was noted of an appended row afterwards, by column. */
  readonly outside?: Readonly<Record<string, string>>;
  /** The file and line. */
  readonly where: string;
}

export interface ArchivedRevision {
  readonly change: "CREATED" | "UPDATED" | "DELETED";
  readonly createMicros: bigint;
  readonly requestId: string;
  readonly requestHash: Buffer;
}

/**
 * Every change in order of position: the files of appended rows and the
 * revisions, merged. Each record is checked as any client's would be, and
 * against its content hash.
 *
 * @throws ArchiveError naming file and line
 */
export async function* archivedChanges(
  source: OpenedExport,
  codecs: Codecs,
): AsyncGenerator<ArchivedChange, void> {
  const files = source.manifest.files.filter(({ holds }) => holds === "appended" || holds === "revisions");
  const readers = files.map((file) => changesOf(source, file, codecs));
  const heads = await Promise.all(readers.map((reader) => reader.next()));
  for (;;) {
    let least: number | undefined;
    for (const [i, head] of heads.entries()) {
      const before = least === undefined ? undefined : heads[least];
      if (!head.done && (!before || before.done || head.value.position < before.value.position)) least = i;
    }
    if (least === undefined) return;
    const head = heads[least];
    if (head && !head.done) yield head.value;
    const reader = readers[least];
    if (reader) heads[least] = await reader.next();
  }
}

async function* changesOf(
  source: OpenedExport,
  file: ArchivedFile,
  codecs: Codecs,
): AsyncGenerator<ArchivedChange, void> {
  let last = 0n;
  for await (const line of source.lines(file)) {
    const change = changeFromLine(line, file, codecs);
    if (change.position <= last) {
      throw new ArchiveError(
        "damaged",
        `${line.where}: expected a position past ${last}, got ${change.position}`,
      );
    }
    last = change.position;
    yield change;
  }
}

function changeFromLine(line: ArchiveLine, file: ArchivedFile, codecs: Codecs): ArchivedChange {
  const { where } = line;
  const name = file.holds === "revisions" ? textMember(line, "entity") : (file.entity ?? "");
  const codec = codecs.ofName(name);
  if (!codec)
    throw new ArchiveError("version", `${where}: this version knows no entity ${JSON.stringify(name)}`);
  const record = codec.fromRow(rowFromLine(codec, line));
  const violations = { path: "", list: [] as { field: string; description: string }[] };
  const row = codec.toRow(record, violations);
  const [violation] = violations.list;
  if (violation) throw new ArchiveError("damaged", `${where}: ${violation.field}: ${violation.description}`);
  const contentHash = bytesMember(line, "content_hash");
  if (!codec.hash(row).sha256.equals(contentHash)) {
    throw new ArchiveError("damaged", `${where} was altered: its content has another hash than content_hash`);
  }
  return {
    position: wholeMember(line, "position"),
    commitMicros: timeMember(line, "commit_time"),
    codec,
    row,
    record,
    contentHash,
    ...(file.holds === "revisions" && { revision: revisionFromLine(line) }),
    ...(line.log.has("outside") && { outside: outsideFromLine(line) }),
    where,
  };
}

function outsideFromLine({ log, where }: ArchiveLine): Readonly<Record<string, string>> {
  const outside: unknown = JSON.parse(log.get("outside") ?? "");
  const values = typeof outside === "object" && outside !== null ? Object.values(outside) : [];
  if (values.length > 0 && values.every((value) => typeof value === "string")) {
    return outside as Readonly<Record<string, string>>;
  }
  throw new ArchiveError("damaged", `${where}: expected texts in outside, got ${JSON.stringify(outside)}`);
}

function revisionFromLine(line: ArchiveLine): ArchivedRevision {
  const change = textMember(line, "change");
  if (change !== "CREATED" && change !== "UPDATED" && change !== "DELETED") {
    throw new ArchiveError("damaged", `${line.where}: expected a change, got ${JSON.stringify(change)}`);
  }
  return {
    change,
    createMicros: timeMember(line, "create_time"),
    requestId: textMember(line, "request_id"),
    requestHash: bytesMember(line, "request_hash"),
  };
}
