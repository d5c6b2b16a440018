import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { microsFromTimestamp, timestampFromMicros } from "../src/core/time.js";
import { createCodecs } from "../src/entities/codecs.js";
import type { Column } from "../src/entities/columns.js";
import type { EntityCodec } from "../src/entities/entity-codec.js";
import type { FieldBag } from "../src/entities/field-codec.js";
import { entities } from "../src/entities/registry.js";
import { createListFilter } from "../src/service/list-filter.js";
import { type Database, openDatabase } from "../src/store/database.js";
import { findContaining } from "../src/store/find-containing.js";
import {
  type ListCondition,
  type ListRange,
  listOrder,
  listRows,
  listStatement,
  narrowed,
} from "../src/store/list-query.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { execute } from "./support/execute.js";
import { present } from "./support/tenant.js";

const ROWS = 8000;
const LIMIT = 20;
const TENANT = randomUUID();
const codecs = createCodecs(entities);
const named = codecs.all.map((codec) => [codec.entity.table, codec] as const);

/** Filters of which no index is kept: few rows are left out by them, or few rows there are. */
const WALKED = ["active", "min_confidence", "layers"];
/** The first row's second; a flush committed eight rows, one every second. */
const START_MS = Date.UTC(2026, 0, 1);
const ROWS_A_COMMIT = 8;

let cluster: TestDatabase;
let database: Database;

beforeAll(async () => {
  cluster = await createTestDatabase();
  await execute(cluster.url, "SET ROLE holdfast_append", insertLog(), "RESET ROLE");
  for (const codec of codecs.all) {
    const inserted = ["SET ROLE holdfast_append", insertRows(codec), "RESET ROLE"];
    await execute(cluster.url, ...inserted, `ANALYZE holdfast.${codec.entity.table}`);
  }
  const settings = { maxConnections: 2, connectTimeoutMs: 5000, statementTimeoutMs: 30_000 };
  database = openDatabase(
    { url: cluster.url, preparedStatements: false, ...settings },
    pino({ level: "silent" }),
  );
});

afterAll(async () => {
  await database?.close();
  await cluster?.close();
});

/** The time of the commit of row `i`. */
const COMMIT_TIME = `to_timestamp(${START_MS} / 1000)
  + ceil(i / ${ROWS_A_COMMIT}.0) * interval '${ROWS_A_COMMIT} seconds'`;

function insertLog(): string {
  return `
    WITH log AS (
      INSERT INTO holdfast.tenant_logs (tenant_id, log_id, position, hash)
      VALUES ('${TENANT}', gen_random_uuid(), ${ROWS}, '')
    )
    INSERT INTO holdfast.commits (tenant_id, position, first_position, commit_time, hash)
    SELECT '${TENANT}', i, i - ${ROWS_A_COMMIT - 1}, ${COMMIT_TIME}, ''
    FROM generate_series(${ROWS_A_COMMIT}, ${ROWS}, ${ROWS_A_COMMIT}) AS i`;
}

/** Rows of a tenant of many: their values repeat every 200 rows, and the rarest label is on eight. */
function insertRows({ entity, columns }: EntityCodec): string {
  const values = new Map(columns.map((column) => [column.name, generated(column)]));
  values.set("tenant_id", `CASE WHEN i % 4 = 0 THEN gen_random_uuid() ELSE '${TENANT}'::uuid END`);
  values.set("position", "i");
  values.set("create_time", COMMIT_TIME);
  if (entity.nature === "append") values.set("content_hash", "''");
  else values.set("update_time", "now()");
  const names = [...values.keys()].join(", ");
  return `INSERT INTO holdfast.${entity.table} (${names})
    SELECT ${[...values.values()].join(", ")} FROM generate_series(1, ${ROWS}) AS i`;
}

function generated({ name, type, blank }: Column): string {
  if (name === "id") return "gen_random_uuid()";
  if (name === "external_id" || name === "key") return `'${name} ' || i`;
  if (name === "labels") {
    return `jsonb_build_object('rare', (i % 1000)::text, 'common', (i % 3)::text)`;
  }
  if (name === "tags") return `jsonb_build_array((i % 1000)::text)`;
  if (name === "delete_time" || name === "expire_time") return "NULL::timestamptz";
  switch (type) {
    case "uuid":
      return `('00000000-0000-4000-8000-' || lpad((i % 200)::text, 12, '0'))::uuid`;
    case "text":
      return `(i % 200)::text`;
    case "boolean":
      return "i % 250 <> 2";
    case "integer":
    case "bigint":
      return "i";
    case "double precision":
      return "(i % 100) / 100.0";
    case "timestamptz":
      return "now()";
    case "jsonb":
      return `'${blank}'::jsonb`;
    default:
      return `NULL::${type}`;
  }
}

/** Of each filter field the conditions it stands for, with a value that 30 rows of the tenant have, or eight. */
function conditionsOf(codec: EntityCodec): [name: string, conditions: readonly ListCondition[]][] {
  const { service } = codec.entity;
  const message = present(service.methods.map(({ input }) => input.field.filter?.message).find(Boolean));
  const read = createListFilter(codec, message);
  return message.fields.map((field) => {
    const filter = create(message) as FieldBag;
    const column = codec.columns.find(({ name }) => `${name}s` === field.name || `${name}es` === field.name);
    if (field.fieldKind === "map") filter[field.localName] = { rare: "7" };
    else if (field.name === "tags") filter[field.localName] = ["7"];
    else if (field.message) filter[field.localName] = halfWay();
    else if (field.fieldKind === "scalar") filter[field.localName] = field.scalar === 1 ? 0.5 : false;
    // An enum's names are not what was inserted: the condition is made as the filter would.
    else if (field.enum) return [field.name, anyOf(read(filter), present(column), "7")];
    else filter[field.localName] = [column?.type === "uuid" ? "00000000-0000-4000-8000-000000000007" : "7"];
    return [field.name, read(filter)];
  });
}

function anyOf(
  conditions: readonly ListCondition[],
  { name: column, type }: Column,
  value: string,
): readonly ListCondition[] {
  return [...conditions, { kind: "any", column, type, values: [value] }];
}

function halfWay(): Timestamp {
  return timestampFromMicros(BigInt(START_MS + (ROWS / 2) * 1000) * 1000n);
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Relation Name"?: string;
  readonly Plans?: readonly PlanNode[];
}

/** The plan of a page as the server would run it, every node of it. */
async function planOf(
  codec: EntityCodec,
  conditions: readonly ListCondition[],
  order: ListRange["order"],
): Promise<PlanNode[]> {
  const range = { tenantId: TENANT, order, after: undefined, limit: LIMIT, maxBytes: 3 << 20 };
  return database.read(TENANT, async (run) => {
    const { text, values = [] } = listStatement(codec, await narrowed(run, codec, { ...range, conditions }));
    const [[plan] = []] = await run<[PlanDocument]>({
      text: `EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) ${text}`,
      values,
    });
    return nodesOf(present(JSON.parse(plan as unknown as string)[0]).Plan);
  });
}

type PlanDocument = readonly { readonly Plan: PlanNode }[];

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

describe.each(named)("a list of %s", (_, codec) => {
  const filters: [string, readonly ListCondition[]][] = [["nothing", []], ...conditionsOf(codec)];

  test.each(filters)("by %s reads an index, and little more of it than a page", async (name, conditions) => {
    for (const order of ["newest first", "oldest first"] as const) {
      const nodes = await planOf(codec, conditions, order);
      const kinds = nodes.map((node) => node["Node Type"]);
      if (WALKED.includes(name)) continue;
      expect(kinds, `${order}: ${kinds}`).not.toContain("Seq Scan");
      expect(kinds.some((kind) => /Index/.test(kind))).toBe(true);
      const read = nodes.filter((node) => /Scan/.test(node["Node Type"]) && node["Relation Name"]);
      const rows = read.map(
        (node) => (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)) * node["Actual Loops"],
      );
      expect(Math.max(...rows), `${order}: ${kinds}`).toBeLessThanOrEqual(4 * LIMIT);
      for (const sort of nodes.filter((node) => node["Node Type"] === "Sort")) {
        expect(sort["Actual Rows"], `${order}: ${kinds}`).toBeLessThanOrEqual(2 * LIMIT);
      }
    }
  });

  test("by time holds what was created from then on, or before", async () => {
    const middle = BigInt(START_MS + (ROWS / 2) * 1000) * 1000n;
    const range = { tenantId: TENANT, after: undefined, limit: LIMIT, maxBytes: 3 << 20 };
    const page = (kind: "from" | "before", order: ListRange["order"]) =>
      database.read(TENANT, async (run) => {
        const conditions = [{ kind, column: "create_time", micros: middle }] as const;
        const { records } = await listRows(run, codec, { ...range, conditions, order });
        return records.map(({ createTime }) => microsFromTimestamp(createTime as Timestamp));
      });
    const [first, past] = [await page("from", "oldest first"), await page("before", "newest first")];
    expect([first.length, past.length]).toEqual([LIMIT, LIMIT]);
    const commit = BigInt(ROWS_A_COMMIT) * 1_000_000n;
    expect([first[0], past[0]]).toEqual([middle, middle - commit]);
  });

  test("by labels holds the rows that have them, rare or common, each by its way", async () => {
    const range = { tenantId: TENANT, order: "newest first", after: undefined, maxBytes: 3 << 20 } as const;
    const page = async (labels: object, limit: number) => {
      const json = JSON.stringify(labels);
      const conditions = [{ kind: "contains", column: "labels", json }] as const;
      return database.read(TENANT, async (run) => ({
        found: await findContaining(run, codec, { conditions }, listOrder(codec)),
        ...(await listRows(run, codec, { ...range, conditions, limit })),
      }));
    };
    const rare = await page({ rare: "7" }, 5);
    expect(rare.records.map((record) => (record.labels as Record<string, string>).rare)).toEqual(
      Array.from({ length: 5 }, () => "7"),
    );
    expect([rare.hasMore, rare.found.length]).toEqual([true, 1]);
    const common = await page({ common: "1" }, 5);
    expect([common.records.length, common.hasMore, common.found.length]).toEqual([5, true, 0]);
    const both = await page({ common: "1", rare: "7" }, 100);
    expect(both.records.length).toBeGreaterThan(0);
    const none = await page({ rare: "none" }, 5);
    expect([none.records, none.hasMore]).toEqual([[], false]);
  });
});
