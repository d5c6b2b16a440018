import { microsFromText } from "../../core/time.js";
import type { Codecs } from "../../entities/codecs.js";
import type { Row } from "../../entities/columns.js";
import type { EntityCodec } from "../../entities/entity-codec.js";
import { storedFromState } from "../../entities/stored-record.js";
import { type LogHead, readLogHead } from "../log-head.js";
import { type OwnerSession, withOwnerSession } from "../owner-session.js";
import { type ArchiveScope, scopeConditions } from "./archive-scope.js";
import { bytesFromText, copiedRows, valueFromText } from "./copied-rows.js";
import { outsideColumns } from "./outside-columns.js";

/** A change at its place in the log. */
export interface LoggedRow {
  readonly position: bigint;
  readonly commitMicros: bigint;
  readonly contentHash: Buffer;
  readonly row: Row;
}

/** A row that is written once. */
export interface AppendedRow extends LoggedRow {
  /** What was noted of it afterwards, as Postgres writes it: see `outsideColumns`. */
  readonly outside: Readonly<Record<string, string>>;
}

/** A thing as it is now. */
export interface CurrentRow {
  readonly position: bigint;
  readonly createMicros: bigint;
  readonly updateMicros: bigint;
  readonly row: Row;
}

/** A thing as one change left it. */
export interface RevisionRow extends LoggedRow {
  readonly codec: EntityCodec;
  readonly createMicros: bigint;
  readonly change: string;
  readonly requestId: string;
  readonly requestHash: Buffer;
}

export interface CommitRow {
  readonly position: bigint;
  readonly firstPosition: bigint;
  readonly commitMicros: bigint;
  readonly hash: Buffer;
}

export interface AccessRow {
  readonly memoryId: string;
  readonly accessMicros: bigint;
  readonly accessCount: bigint;
}

/** What is stored of a tenant's log, in order of position, as of the session's snapshot and in bounded memory. */
export interface LogReader {
  head(): Promise<LogHead>;
  appended(codec: EntityCodec): AsyncGenerator<AppendedRow, void>;
  /** In order of id. */
  current(codec: EntityCodec): AsyncGenerator<CurrentRow, void>;
  revisions(): AsyncGenerator<RevisionRow, void>;
  /** Of the whole log, whatever the scope. */
  commits(): AsyncGenerator<CommitRow, void>;
  /** Of the whole tenant, in order of id. */
  memoryAccess(): AsyncGenerator<AccessRow, void>;
}

export function createLogReader(session: OwnerSession, codecs: Codecs, scope: ArchiveScope): LogReader {
  const conditions = scopeConditions(codecs, scope);
  const whole = scopeConditions(codecs, { tenantId: scope.tenantId }).appended;
  const rows = (columns: readonly string[], table: string, where: string, order: string) =>
    copiedRows(
      session.copyOut(
        `COPY (SELECT ${columns.map((column) => `t.${column}`).join(", ")} FROM holdfast.${table} t ` +
          `WHERE ${where} ORDER BY t.${order}) TO STDOUT`,
      ),
    );
  return {
    head: () => readLogHead(session.run, scope.tenantId),
    async *appended(codec) {
      const outside = await outsideColumns(session.run, codec);
      const columns = ["position", "create_time", "content_hash", ...names(codec), ...outside];
      const found = rows(columns, codec.entity.table, conditions.appended, "position");
      for await (const [position, time, hash, ...own] of found) {
        const noted = own.slice(codec.columns.length);
        const entries = outside.flatMap((name, i) =>
          typeof noted[i] === "string" ? [[name, noted[i]]] : [],
        );
        yield {
          ...placed(position, time, hash),
          row: ownRow(codec, own),
          outside: Object.fromEntries(entries),
        };
      }
    },
    async *current(codec) {
      const columns = ["position", "create_time", "update_time", ...names(codec)];
      const where = conditions.current(codec);
      for await (const [position, created, updated, ...own] of rows(
        columns,
        codec.entity.table,
        where,
        "id",
      )) {
        yield {
          position: BigInt(position ?? 0),
          createMicros: microsFromText(created ?? ""),
          updateMicros: microsFromText(updated ?? ""),
          row: ownRow(codec, own),
        };
      }
    },
    async *revisions() {
      for await (const fields of rows(REVISION_COLUMNS, "revisions", conditions.revisions, "position")) {
        const [position, time, hash, entity, change, requestId, requestHash, state] = fields;
        const codec = codecs.ofName(entity ?? "");
        if (!codec) throw new TypeError(`there is no entity ${entity}`);
        const was = storedFromState(codec, state ?? "");
        yield {
          ...placed(position, time, hash),
          codec,
          change: change ?? "",
          requestId: requestId ?? "",
          requestHash: bytesFromText(requestHash ?? ""),
          row: was.row,
          createMicros: was.createMicros,
        };
      }
    },
    async *commits() {
      const columns = ["position", "commit_time", "hash", "first_position"];
      for await (const [position, time, hash, first] of rows(columns, "commits", whole, "position")) {
        const { contentHash, ...at } = placed(position, time, hash);
        yield { ...at, firstPosition: BigInt(first ?? 0), hash: contentHash };
      }
    },
    async *memoryAccess() {
      const columns = ["memory_id", "access_time", "access_count"];
      for await (const [id, time, count] of rows(columns, "memory_access", whole, "memory_id")) {
        yield {
          memoryId: id ?? "",
          accessMicros: microsFromText(time ?? ""),
          accessCount: BigInt(count ?? 0),
        };
      }
    },
  };
}

const REVISION_COLUMNS = [
  "position",
  "create_time",
  "content_hash",
  "entity",
  "change",
  "request_id",
  "request_hash",
  "state",
];

function names(codec: EntityCodec): readonly string[] {
  return codec.columns.map((column) => column.name);
}

function ownRow(codec: EntityCodec, fields: readonly (string | null)[]): Row {
  return codec.columns.map(({ type }, i) => valueFromText(type, fields[i]));
}

function placed(position = "0" as string | null, time = "" as string | null, hash = "" as string | null) {
  return {
    position: BigInt(position ?? 0),
    commitMicros: microsFromText(time ?? ""),
    contentHash: bytesFromText(hash ?? ""),
  };
}

/** Reads a tenant's log as of one moment, bound by the policies to that tenant. */
export function withLogReader<T>(
  url: string,
  codecs: Codecs,
  scope: ArchiveScope,
  use: (log: LogReader) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const read = async (session: OwnerSession) => {
    await session.run(`SET LOCAL ROLE holdfast_runtime; SET LOCAL holdfast.tenant = '${scope.tenantId}'`);
    return use(createLogReader(session, codecs, scope));
  };
  return withOwnerSession(url, "READ ONLY", read, signal);
}
