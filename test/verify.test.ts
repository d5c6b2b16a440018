import { create } from "@bufbuild/protobuf";
import type pg from "pg";
import pino from "pino";
import { Registry } from "prom-client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EntrySchema } from "../gen/holdfast/v1/event_pb.js";
import { SessionSchema } from "../gen/holdfast/v1/session_pb.js";
import { readConfig } from "../src/config.js";
import { uuidV7 } from "../src/core/uuid.js";
import { createCodecs } from "../src/entities/codecs.js";
import type { FieldBag } from "../src/entities/field-codec.js";
import { entities } from "../src/entities/registry.js";
import { session as sessionEntity } from "../src/entities/session.js";
import { Appender } from "../src/service/appender.js";
import { createEntryPreparer } from "../src/service/prepare-entry.js";
import { createRules } from "../src/service/rules.js";
import { type Database, openDatabase } from "../src/store/database.js";
import { type TenantReport, verifyTenants } from "../src/store/verify.js";
import { WorkerPool } from "../src/workers/worker-pool.js";
import { connect } from "./support/connect.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { durableLog } from "./support/durable-log.js";

const logger = pino({ level: "silent" });
// Nothing here needs validation, so no thread is started.
const rules = createRules(readConfig({}), new WorkerPool(readConfig({}), new Registry()));
const codecs = createCodecs(entities);
const preparer = createEntryPreparer(codecs, { maxBytesPerEntry: 1 << 20, maxEntriesPerBatch: 500 });

let testDatabase: TestDatabase;
let database: Database;
let owner: pg.Client;
let appender: Appender;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const settings = { maxConnections: 4, connectTimeoutMs: 5000, statementTimeoutMs: 10_000 };
  database = openDatabase({ url: testDatabase.url, preparedStatements: true, ...settings }, logger);
  owner = await connect(testDatabase.url);
  const limits = { maxFlushBytes: 1e7, maxFlushEntries: 40, maxWaitingBytes: 1e8, maxWaitingEntries: 1e5 };
  const context = {
    database,
    sessionCodec: codecs.of(sessionEntity),
    rules,
    logger,
    durable: durableLog(testDatabase.url),
    onCommit: () => {},
  };
  appender = new Appender(context, limits);
});

afterAll(async () => {
  await database.close();
  await owner.end();
  await testDatabase.close();
});

/** A tenant with one session, 100 observations in several commits, and an action changed three times. */
async function writeTenant(): Promise<string> {
  const tenantId = uuidV7();
  const session = create(SessionSchema, { agentId: "a", labels: { z: "1", a: "2" }, successRate: 0.1 });
  await appender.append(tenantId, [
    preparer.create(codecs.of(sessionEntity), session as unknown as FieldBag, ""),
  ]);
  const observation = (n: number) =>
    create(EntrySchema, {
      entry: {
        case: "observation",
        value: {
          sessionId: session.id,
          content: `number ${n}`,
          data: { data: Buffer.from(`{"n": ${n}, "n": "\\u0000"}`), contentType: "application/json" },
          metrics: { ratio: 0.1 * n, none: Number.NaN },
          occurTime: { seconds: -5n, nanos: 123_456_789 },
        },
      },
    });
  for (let batch = 0; batch < 4; batch += 1) {
    const entries = Array.from({ length: 25 }, (_, n) => preparer.entry(observation(batch * 25 + n), ""));
    await appender.append(tenantId, entries);
  }
  const actionId = uuidV7();
  const changes = [
    {
      case: "action",
      value: { id: actionId, sessionId: session.id, parameters: { data: Buffer.from("[NaN]") } },
    },
    { case: "startAction", value: { actionId } },
    { case: "finishAction", value: { actionId, successScore: 1e-300, result: { data: Buffer.from("1") } } },
  ] as const;
  const entries = changes.map((entry) => preparer.entry(create(EntrySchema, { entry }), ""));
  await appender.append(tenantId, entries.slice(0, 2));
  await appender.append(tenantId, entries.slice(2));
  return tenantId;
}

async function verify(tenantId: string): Promise<TenantReport> {
  for await (const report of verifyTenants({ database, codecs, tenantId })) return report;
  throw new Error("no report");
}

describe("verification", () => {
  let tenantId: string;
  beforeEach(async () => {
    tenantId = await writeTenant();
  });

  test("finds an untouched log intact up to its end", async () => {
    const report = await verify(tenantId);
    expect(report).toMatchObject({ difference: undefined, position: 104n, rows: 2 });
    const { rows } = await owner.query("SELECT hash FROM holdfast.tenant_logs WHERE tenant_id = $1", [
      tenantId,
    ]);
    expect(Buffer.from(report.hash)).toEqual(rows[0].hash);
  });

  test("covers every tenant when none is named", async () => {
    const seen: string[] = [];
    for await (const report of verifyTenants({ database, codecs })) {
      expect(report.difference).toBeUndefined();
      seen.push(report.tenantId);
    }
    expect(seen).toContain(tenantId);
  });

  // What someone with the database's password could do; each is named with its place.
  const tampering: [what: string, sql: string, difference: RegExp][] = [
    [
      "a changed text",
      "UPDATE holdfast.observations SET content = 'other' WHERE tenant_id = $1 AND position = 50",
      /^position 50: observation .* was altered: its content/,
    ],
    [
      "one changed byte of a payload",
      `UPDATE holdfast.observations SET data = '{"n": 7, "n": "\\u0001"}' WHERE tenant_id = $1 AND position = 9`,
      /^position 9: observation .* was altered: its content/,
    ],
    [
      "a changed text with its hash made to match",
      `UPDATE holdfast.observations o SET content = s.content, content_hash = s.content_hash
       FROM holdfast.observations s WHERE o.tenant_id = $1 AND s.tenant_id = $1 AND o.position = 20 AND s.position = 21`,
      /^position 20: observation .* was altered: its content/,
    ],
    [
      "a removed row",
      "DELETE FROM holdfast.observations WHERE tenant_id = $1 AND position = 33",
      /^position 33: nothing is stored there/,
    ],
    [
      "a removed last row",
      "DELETE FROM holdfast.revisions WHERE tenant_id = $1 AND position = 104",
      /^position 104: nothing is stored there/,
    ],
    [
      "a row added past the end",
      `INSERT INTO holdfast.observations SELECT (jsonb_populate_record(o, jsonb_build_object('position', 999,
       'id', gen_random_uuid()))).* FROM holdfast.observations o WHERE tenant_id = $1 AND position = 5`,
      /^position 999: a change is stored past the end/,
    ],
    [
      "a changed time",
      "UPDATE holdfast.observations SET create_time = create_time - interval '1 hour' WHERE tenant_id = $1 AND position = 40",
      /^position 40: /,
    ],
    [
      "a changed revision",
      `UPDATE holdfast.revisions SET state = replace(state::text, '"RUNNING"', '"PENDING"')::json
       WHERE tenant_id = $1 AND position = 103`,
      /^position 103: action .* was altered/,
    ],
    [
      "a changed current row",
      "UPDATE holdfast.actions SET status = 'FAILED' WHERE tenant_id = $1",
      /^action .*: its row in actions differs from its last revision, 3/,
    ],
    [
      "a removed current row",
      "DELETE FROM holdfast.sessions WHERE tenant_id = $1",
      /^session .*: .* missing/,
    ],
    [
      "a removed commit",
      "DELETE FROM holdfast.commits WHERE tenant_id = $1 AND position = 51",
      /^position 27: no commit begins there/,
    ],
    [
      "a log set back",
      "UPDATE holdfast.tenant_logs SET position = 103 WHERE tenant_id = $1",
      /^position 103: |past the end/,
    ],
    [
      "a changed count",
      "UPDATE holdfast.tenant_logs SET created_counts[5] = 99 WHERE tenant_id = $1",
      /^observations: created, deleted and changed are counted as 99,0,100, and there are 100,0,100/,
    ],
    [
      "another hash of the log",
      "UPDATE holdfast.tenant_logs SET hash = sha256('x') WHERE tenant_id = $1",
      /^position 104: the log's own hash/,
    ],
  ];
  test.each(tampering)("names %s", async (_what, sql, difference) => {
    const { rowCount } = await owner.query(sql, [tenantId]);
    expect(rowCount).toBe(1);
    expect((await verify(tenantId)).difference).toMatch(difference);
    await owner.query("DELETE FROM holdfast.tenant_logs WHERE tenant_id = $1", [tenantId]);
  });
});
