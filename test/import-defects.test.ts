import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rawMembers } from "../src/core/raw-json.js";
import { connect } from "./support/connect.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { importFolderAt, importTenant } from "./support/importing.js";
import { propertyRuns } from "./support/property-runs.js";
import { expectSoundLog } from "./support/verify-log.js";

let database: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = await connect(database.url);
  await owner.query("SET ROLE holdfast_append");
});

afterAll(async () => {
  await owner.end();
  await database.close();
});

/** JSON as Python writes it, and how many leaves it has. */
interface Json {
  readonly text: string;
  readonly leaves: number;
}

const scalar: fc.Arbitrary<Json> = fc
  .oneof(
    fc.constantFrom(
      "NaN",
      "Infinity",
      "-Infinity",
      "null",
      "true",
      "-0.0",
      "1e400",
      "0.10",
      "[]",
      "{}",
      '""',
    ),
    fc.bigInt(-(2n ** 80n), 2n ** 80n).map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
    fc.constantFrom('"\\u0000"', '"a\\ud800b"', '"\\udc00"', '"\\"]}"', '"\\\\"', '"\\u6771 東京 🚀"'),
    fc.string({ unit: "grapheme" }).map((value) => JSON.stringify(value)),
  )
  .map((text) => ({ text, leaves: 1 }));

const json: fc.Arbitrary<Json> = fc.oneof(
  { depthSize: "small" },
  scalar,
  fc.array(scalar, { minLength: 1, maxLength: 4 }).map((items) => ({
    text: `[${items.map(({ text }) => text).join(" ,\n")}]`,
    leaves: sum(items),
  })),
  // The same key twice among them.
  fc
    .array(fc.tuple(fc.constantFrom("a", "b", "\\u0000", "__proto__"), scalar), {
      minLength: 1,
      maxLength: 4,
    })
    .map((members) => ({
      text: `{${members.map(([key, { text }]) => `"${key}" :${text}`).join(",")}}`,
      leaves: sum(members.map(([, value]) => value)),
    })),
  fc.integer({ min: 1, max: 5000 }).map((depth) => ({
    text: `${"[".repeat(depth)}7${"]".repeat(depth)}`,
    leaves: 1,
  })),
);

function sum(items: readonly Json[]): number {
  return items.reduce((total, { leaves }) => total + leaves, 0);
}

interface Generated extends Json {
  readonly isGood: boolean;
  readonly id: string;
  readonly extra: string;
}

/** A record with a value of any kind in a field nobody knows, and now and then something wrong with it. */
function record(
  members: Readonly<Record<string, fc.Arbitrary<string>>>,
  status: string,
): fc.Arbitrary<Generated> {
  const names = Object.keys(members);
  return fc
    .record({
      id: fc.constantFrom("r1", "r2", "r3", "r4", "r5", "r6"),
      values: fc.tuple(...Object.values(members)),
      extra: json,
      score: fc.constantFrom("0.5", "NaN", "1e400", "1", "-Infinity", "123456789012345678901234567890"),
      defect: fc.option(fc.constantFrom("no id", "status", "type", "not an object", "not JSON"), { freq: 5 }),
    })
    .map(({ id, values, extra, score, defect }) => {
      const fields = [
        ...(defect === "no id" ? [] : [`"id": ${JSON.stringify(id)}`]),
        `"${status}": ${defect === "status" ? '"asleep"' : '"completed"'}`,
        `"success_score":${score}`,
        `"description": ${defect === "type" ? "[1]" : '"it\\u0000s"'}`,
        ...names.map((name, i) => `"${name}": ${values[i]}`),
        `"extra":${extra.text}`,
      ];
      const text =
        defect === "not an object" ? "17" : `{ ${fields.join(",\n  ")}${defect === "not JSON" ? ", x" : ""}}`;
      return {
        id,
        text,
        extra: `"extra":${extra.text}`,
        leaves: 4 + names.length + extra.leaves,
        isGood: defect === null,
      };
    });
}

const time = fc.constantFrom('"2026-11-22T10:13:18.981642"', '"2026-11-22T10:13:18+02:00"', "null");
const link = fc.constantFrom('"r1"', '"nobody"', "null", "17");
const goals = fc.array(record({ created_at: time, parent_goal_id: fc.constant("null") }, "status"), {
  maxLength: 12,
});
const actions = fc.array(record({ goal_id: link, completed_at: time }, "status"), { maxLength: 12 });

const folder = fc.record({
  goals,
  actions,
  isTruncated: fc.boolean(),
  counter: json,
  noise: fc.constantFrom("", "this is no JSON", "\u0000\u0001", "{"),
});

test("a folder with every defect is imported but for its bad records, every leaf of the rest byte for byte", async () => {
  await fc.assert(
    fc.asyncProperty(folder, async ({ goals, actions, isTruncated, counter, noise }) => {
      const { root, source } = await importFolderAt();
      const state = join(source, ".agent_state");
      await mkdir(state, { recursive: true });
      const list = (records: readonly Generated[]) => `[${records.map(({ text }) => text).join(",\n")}`;
      await writeFile(join(state, "goals.json"), `{"counter":${counter.text},"goals":${list(goals)}]}`);
      const end = isTruncated ? `${actions.length > 0 ? "," : ""} {"id": "cut off", "descr` : "]";
      await writeFile(join(state, "actions.json"), `${list(actions)}${end}`);
      await writeFile(join(state, "observations.json"), noise);

      const tenant = importTenant(database.url, join(root, "backups"));
      const report = await tenant.run(source);
      const good = [...goals, ...actions].filter(({ isGood }) => isGood);
      const bad = goals.length + actions.length - good.length;
      expect(report.migration_summary).toMatchObject({
        status: "completed",
        records_migrated: good.length + 1,
        records_quarantined: bad + 1 + Number(isTruncated),
      });
      const leaves = good.reduce((total, each) => total + each.leaves, counter.leaves);
      expect(report.verification).toMatchObject({
        leaves_in_source: leaves,
        leaves_found: leaves,
        differing: 0,
        missing: 0,
      });
      for (const [entity, records] of Object.entries({ goal: goals, action: actions })) {
        const kept = await keptTexts(tenant.id, entity);
        for (const each of records.filter(({ isGood }) => isGood)) {
          expect(kept.filter((text) => text.includes(each.extra))).not.toEqual([]);
        }
        // The last of an id is what there is now.
        const last = new Map(records.filter(({ isGood }) => isGood).map((each) => [each.id, each.extra]));
        const current = await currentTexts(tenant.id, entity);
        expect([...current.keys()].sort()).toEqual([...last.keys()].sort());
        for (const [id, extra] of last) expect(current.get(id)).toContain(extra);
      }
      const before = await expectSoundLog(database.url, tenant.id);
      const again = await tenant.run(source);
      expect(again.verification).toMatchObject({ leaves_found: leaves, differing: 0, missing: 0 });
      // The audit of the second import, and nothing else.
      expect(await expectSoundLog(database.url, tenant.id)).toBe(before + 1n);
    }),
    { numRuns: propertyRuns(12) },
  );
});

/** The metadata of every state that things of an entity ever had. */
async function keptTexts(tenantId: string, entity: string): Promise<string[]> {
  const { rows } = await owner.query<{ state: string }>(
    "SELECT state::text FROM holdfast.revisions WHERE tenant_id = $1 AND entity = $2",
    [tenantId, entity],
  );
  // Not taken apart by Postgres, which refuses \\u0000 in any text it makes.
  return rows.map(({ state }) => {
    const members = rawMembers(state);
    const bytes = members.get("metadata_bytes") ?? "null";
    return bytes === "null"
      ? (members.get("metadata") ?? "")
      : Buffer.from(JSON.parse(bytes).slice(2), "hex").toString();
  });
}

async function currentTexts(tenantId: string, entity: string): Promise<Map<string, string>> {
  const { rows } = await owner.query(
    `SELECT external_id, metadata_bytes AS bytes, metadata::text AS json FROM holdfast.${entity}s WHERE tenant_id = $1`,
    [tenantId],
  );
  return new Map(
    rows.map(({ external_id, bytes, json: text }) => [external_id, bytes === null ? text : String(bytes)]),
  );
}
