import { type RawBuilder, type SqlBool, sql } from "kysely";
import { mapInTurns, type Turn } from "../core/in-turns.js";
import type { ColumnType, Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { commitColumns, recordFromRow } from "../entities/stored-record.js";
import { binaryArray } from "./binary-array.js";
import { byteSize } from "./byte-size.js";
import type { Run, Statement } from "./database.js";
import { findContaining } from "./find-containing.js";
import { findPositions } from "./find-positions.js";
import { queryBuilder, toStatement } from "./query-builder.js";

/** What must hold of a row; which of these a filter field means follows from its name, see list-filter.ts. */
export type ListCondition =
  | {
      readonly kind: "any";
      readonly column: string;
      readonly type: ColumnType;
      readonly values: readonly string[];
    }
  | { readonly kind: "is"; readonly column: string; readonly value: boolean }
  | { readonly kind: "contains"; readonly column: string; readonly json: string }
  /** Microseconds since 1970. */
  | { readonly kind: "from" | "before"; readonly column: string; readonly micros: bigint }
  | { readonly kind: "at least"; readonly column: string; readonly value: number }
  | { readonly kind: "after position" | "up to position"; readonly position: bigint }
  | { readonly kind: "not deleted" }
  /** Its time, in this column, is still to come; null never comes. */
  | { readonly kind: "not expired"; readonly column: string };

export interface ListRange {
  readonly tenantId: string;
  readonly conditions: readonly ListCondition[];
  readonly order: "newest first" | "oldest first";
  /** The last row of the page before, by the columns of `listOrder`; undefined for the first page. */
  readonly after: readonly string[] | undefined;
  readonly limit: number;
  /** Where its rows add up to more, a page ends before `limit`; it has at least one row if there is any. */
  readonly maxBytes: number;
}

export interface ListPage {
  readonly records: readonly FieldBag[];
  /** Whether more follow. */
  readonly hasMore: boolean;
}

/**
 * The columns a list goes by, each unique within a tenant when taken together:
 * appended rows by their position; things that change by their creation, since
 * their position moves.
 */
export function listOrder(codec: EntityCodec): readonly string[] {
  return codec.entity.nature === "append" ? ["position"] : ["create_time", "id"];
}

/** Rows in keyset pages: what is added meanwhile moves nothing that was not read yet. */
export async function listRows(
  run: Run,
  codec: EntityCodec,
  range: ListRange,
  turn?: Turn,
): Promise<ListPage> {
  const rows = await run<Row>(listStatement(codec, await narrowed(run, codec, range)));
  const count = Number(rows[0]?.at(-1) ?? 0);
  const records = await mapInTurns(rows.slice(0, range.limit), (row) => recordFromRow(codec, row), turn);
  return { records, hasMore: records.length < count };
}

/** The same list, with further conditions that say by which index it is read soonest. */
export async function narrowed(run: Run, codec: EntityCodec, range: ListRange): Promise<ListRange> {
  const keys = listOrder(codec);
  const found = await Promise.all([
    findContaining(run, codec, range, keys),
    findPositions(run, codec, range),
  ]);
  return { ...range, conditions: [...range.conditions, ...found.flat()] };
}

/**
 * The statement of a page, for those who explain it: one row more than asked
 * for, up to so many bytes, each with how many there were before they were cut.
 */
export function listStatement(codec: EntityCodec, range: ListRange): Statement {
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  const keys = listOrder(codec);
  const direction = range.order === "newest first" ? "desc" : "asc";
  const order = sql.join(keys.map((key) => sql`${sql.ref(key)} ${sql.raw(direction)}`));
  const page = queryBuilder
    .selectFrom(`holdfast.${codec.entity.table}`)
    .select(columns)
    .select(sql<number>`${sql.raw(byteSize(codec.columns))}`.as("size"))
    .where("tenant_id", "=", range.tenantId)
    .where((where) => where.and(range.conditions.map(conditionText)))
    .$if(codec.entity.nature === "append", (rows) => rows.where(sql<SqlBool>`withdraw_time is null`))
    .$if(range.after !== undefined, (rows) => rows.where(keyBound(keys, range.order, range.after ?? [])))
    .orderBy(order)
    .limit(range.limit + 1);
  const sized = queryBuilder
    .selectFrom(page.as("page"))
    .select(columns)
    .select(sql<number>`count(*) over ()`.as("found"))
    .select(sql<number>`sum(size) over (order by ${order} rows unbounded preceding) - size`.as("before"));
  const cut = queryBuilder
    .selectFrom(sized.as("sized"))
    .select([...columns, "found"])
    .where("before", "<", range.maxBytes)
    .orderBy(order);
  return toStatement(cut.compile());
}

/** A condition as SQL. */
export function conditionText(condition: ListCondition): RawBuilder<SqlBool> {
  if (condition.kind === "not deleted") return sql`delete_time is null`;
  if ("position" in condition) {
    const bound = sql`${String(condition.position)}::bigint`;
    return condition.kind === "after position" ? sql`position > ${bound}` : sql`position <= ${bound}`;
  }
  const column = sql.ref(condition.column);
  switch (condition.kind) {
    case "any": {
      const type = sql.raw(condition.type);
      const [first] = condition.values;
      // One value lets the planner walk the index in the list's order.
      return condition.values.length === 1
        ? sql`${column} = ${first}::${type}`
        : sql`${column} = any (${binaryArray(condition.type, condition.values)}::${type}[])`;
    }
    case "not expired":
      return sql`(${column} is null or ${column} > now())`;
    case "is":
      return sql`${column} is ${sql.raw(condition.value ? "true" : "false")}`;
    case "contains":
      return sql`${column} @> ${condition.json}::jsonb`;
    case "from":
      return sql`${column} >= ${timestamp(condition.micros)}`;
    case "before":
      return sql`${column} < ${timestamp(condition.micros)}`;
    case "at least":
      return sql`${column} >= ${condition.value}::double precision`;
  }
}

function keyBound(
  keys: readonly string[],
  order: ListRange["order"],
  after: readonly string[],
): RawBuilder<SqlBool> {
  const bounds = keys.map((key, i) => {
    const bound = after[i] ?? "";
    if (key === "create_time") return timestamp(BigInt(bound));
    return key === "position" ? sql`${bound}::bigint` : sql`${bound}::uuid`;
  });
  const than = sql.raw(order === "newest first" ? "<" : ">");
  return sql`(${sql.join(keys.map((key) => sql.ref(key)))}) ${than} (${sql.join(bounds)})`;
}

// Exact: to_timestamp takes a double, which holds microseconds only up to the year 2255.
function timestamp(micros: bigint): RawBuilder<unknown> {
  return sql`('epoch'::timestamptz + ${String(micros)}::bigint * interval '1 microsecond')`;
}
