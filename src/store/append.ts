import { finish, type Steps } from "../core/steps.js";
import type { ColumnType, ColumnValue, Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import { binaryArray, binaryColumn } from "./binary-array.js";
import type { Statement } from "./database.js";
import { argumentType } from "./routines/arguments.js";

/** A row to write at `firstPosition + offset`. */
export interface PlacedRow {
  readonly offset: number;
  readonly row: Row;
  readonly contentHash: Buffer;
}

/** One change of a row that has a current state. */
export interface StateChange extends PlacedRow {
  readonly requestId: string;
  readonly requestHash: Buffer;
  readonly change: "CREATED" | "UPDATED" | "DELETED";
  /** Whether the row was created by this flush. */
  readonly isNew: boolean;
  /** Whether no later change of this flush is to the same row. */
  readonly isLast: boolean;
  /** The revision in the database that this flush starts from; null if it is new. */
  readonly baseRevision: bigint | null;
  /** When the row was created, in microseconds since 1970; null if by this flush. */
  readonly created: bigint | null;
}

/** Everything one flush writes, each entry at its own offset from 0 to `count - 1`. */
export interface Flush {
  readonly tenantId: string;
  readonly count: number;
  /** SHA-256 of each entry's row, by offset. */
  readonly contentHashes: readonly Buffer[];
  readonly appended: ReadonlyMap<EntityCodec, readonly PlacedRow[]>;
  readonly changed: ReadonlyMap<EntityCodec, readonly StateChange[]>;
  /** Sessions, by id, that must be ACTIVE at the position of this flush. */
  readonly activeSessions: readonly string[];
}

/** The place of a flush among those sent one behind the other on one connection; see begin_append. */
export interface Turn {
  /** Names this attempt; never used for another. */
  readonly turn: string;
  /** The attempt that must be stored for this one to be; null for none. */
  readonly after: string | null;
}

/** What the append statement answers: first position, commit time in microseconds, log id, hash before and after. */
export type AppendAnswer = [
  firstPosition: bigint,
  commitTimeMicros: bigint,
  logId: string,
  previousHash: Buffer,
  hash: Buffer,
];

/**
 * The one statement of a flush: takes the positions, extends the hash and
 * writes every row, or does nothing. It is prepared once for each set of
 * entities that come together.
 */
export function appendStatement(flush: Flush, turn?: Turn): Statement {
  return finish(makeAppendStatement(flush, turn));
}

/** The same, made in steps: of many rows it takes long. */
export function* makeAppendStatement(flush: Flush, turn?: Turn): Steps<Statement> {
  const values: unknown[] = [
    flush.tenantId,
    flush.count,
    Buffer.concat(flush.contentHashes),
    flush.activeSessions.length > 0 ? binaryArray("uuid", flush.activeSessions) : null,
    binaryArray("integer", tally(flush)),
    turn?.after ?? null,
    turn?.turn ?? null,
  ];
  const { calls, kinds } = yield* makePutCalls(flush, values);
  return {
    name: `append ${kinds.join(" ")}`,
    text: `
WITH log AS MATERIALIZED (
  SELECT * FROM holdfast.begin_append(
    $1::uuid, $2::integer, $3::bytea, $4::uuid[], $5::integer[], $6::text, $7::text
  )
)
SELECT log.first_position, log.commit_time, log.log_id, log.previous_hash, log.commit_hash,
  ${calls.join(", ")} FROM log`,
    values,
  };
}

/**
 * The calls that write a flush's rows for the tenant in `$1`, at the first
 * position and time of a row named `log`; their arguments are added to `values`.
 */
export function putCalls(flush: Pick<Flush, "appended" | "changed">, values: unknown[]): PutCalls {
  return finish(makePutCalls(flush, values));
}

interface PutCalls {
  readonly calls: readonly string[];
  readonly kinds: readonly number[];
}

function* makePutCalls(flush: Pick<Flush, "appended" | "changed">, values: unknown[]): Steps<PutCalls> {
  const calls: string[] = [];
  const kinds: number[] = [];
  const put = function* <R extends PlacedRow>(
    codec: EntityCodec,
    rows: readonly R[],
    extra: readonly ArrayParameter<R>[],
  ): Steps<void> {
    const parameters: ArrayParameter<R>[] = [
      ["integer", (row) => row.offset],
      ["bytea", (row) => row.contentHash],
      ...extra,
      ...codec.columns.map(
        ({ type, blank }, i): ArrayParameter<R> => [type, ({ row }) => row[i] ?? null, blank],
      ),
    ];
    const places = parameters.map(([type], i) => `$${values.length + i + 1}::${argumentType(type)}[]`);
    for (const [type, valueIn, blank] of parameters) {
      values.push(binaryColumn(type, rows.length, (i) => valueIn(rows[i] as R), blank));
      yield;
    }
    kinds.push(codec.entity.kind);
    calls.push(
      `holdfast.put_${codec.entity.table}($1::uuid, log.first_position, log.commit_time, ${places.join(", ")})`,
    );
  };
  for (const [codec, rows] of flush.appended) yield* put(codec, rows, []);
  for (const [codec, rows] of flush.changed) yield* put(codec, rows, STATE_PARAMETERS);
  return { calls, kinds };
}

/** What the flush adds to the tenant's counts: for each entity its kind, things created, deleted, changes. */
function tally({ appended, changed }: Flush): readonly number[] {
  const numbers: number[] = [];
  for (const [codec, rows] of appended) numbers.push(codec.entity.kind, rows.length, 0, rows.length);
  for (const [codec, rows] of changed) {
    const count = (change: StateChange["change"]) => rows.filter((row) => row.change === change).length;
    numbers.push(codec.entity.kind, count("CREATED"), count("DELETED"), rows.length);
  }
  return numbers;
}

/** A parameter with one value for each row; those equal to `blank` go as null. */
type ArrayParameter<R extends PlacedRow> = readonly [
  type: ColumnType,
  valueIn: (row: R) => ColumnValue,
  blank?: ColumnValue,
];

const STATE_PARAMETERS: readonly ArrayParameter<StateChange>[] = [
  ["uuid", (row) => row.requestId],
  ["bytea", (row) => row.requestHash],
  ["text", (row) => row.change],
  ["boolean", (row) => row.isNew],
  ["boolean", (row) => row.isLast],
  ["bigint", (row) => row.baseRevision],
  ["timestamptz", (row) => row.created],
];
