import { ServerCredentials, status } from "@grpc/grpc-js";
import { sql } from "kysely";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfig } from "../src/config.js";
import { createCodecs } from "../src/entities/codecs.js";
import { entities } from "../src/entities/registry.js";
import { session } from "../src/entities/session.js";
import { anonymousAuthenticator } from "../src/rpc/anonymous-authenticator.js";
import type { Address } from "../src/rpc/bind.js";
import { standardService } from "../src/rpc/handlers/standard-service.js";
import { createRpcServer, type RpcServer } from "../src/rpc/server.js";
import { TEST_SETTINGS } from "../src/rpc/testing/echo-server.js";
import { Appender } from "../src/service/appender.js";
import { createEntryPreparer } from "../src/service/prepare-entry.js";
import { Records } from "../src/service/records.js";
import { type Database, openDatabase } from "../src/store/database.js";
import { secureTable } from "../src/store/migrations/0001-log.js";
import { openOwnerConnection } from "../src/store/owner-connection.js";
import { entityRoutines } from "../src/store/routines.js";
import { verifyTenants } from "../src/store/verify.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { durableLog } from "./support/durable-log.js";
import { entityClient } from "./support/entity-client.js";
import { sample } from "./support/entity-samples.js";
import { refusal } from "./support/refusal.js";
import { newTenant, present } from "./support/tenant.js";
import { TOY_TABLE, toy } from "./support/toy-entity.js";

// Edit 5, the line in the registry.
const codecs = createCodecs([...entities, toy]);
const logger = pino({ level: "silent" });

let cluster: TestDatabase;
let database: Database;
let server: RpcServer;
let grpc: Address;

beforeAll(async () => {
  cluster = await createTestDatabase();
  await migrateToy(cluster.url);
  const config = readConfig({}, { databaseUrl: cluster.url });
  const settings = { maxConnections: 4, connectTimeoutMs: 5000, statementTimeoutMs: 30_000 };
  database = openDatabase({ url: cluster.url, preparedStatements: true, ...settings }, logger);
  const rules = new Map();
  const appender = new Appender(
    {
      database,
      sessionCodec: codecs.of(session),
      rules,
      logger,
      durable: durableLog(cluster.url),
      onDurable() {},
      onCommit() {},
    },
    config,
  );
  const preparer = createEntryPreparer(codecs, config);
  const context = {
    database,
    appender,
    preparer,
    maxPageBytes: config.maxPageBytes,
    maxAnswerBytes: 4 * 1024 * 1024,
  };
  server = createRpcServer({
    services: [standardService(new Records(context, codecs.of(toy)), { appender, preparer, limits: config })],
    authenticate: anonymousAuthenticator(),
    logger,
    metrics: new Registry(),
    settings: TEST_SETTINGS,
  });
  const credentials = ServerCredentials.createInsecure();
  grpc = await server.listen({ host: "127.0.0.1", port: 0, credentials });
});

afterAll(async () => {
  await server?.close();
  await database?.close();
  await cluster?.close();
});

/** What the migration and the routines that follow from the declaration do. */
async function migrateToy(url: string): Promise<void> {
  const db = openOwnerConnection(url);
  try {
    await db.transaction().execute(async (tx) => {
      await sql.raw(TOY_TABLE).execute(tx);
      await secureTable(tx, "toys", toy.nature);
      await sql`GRANT CREATE ON SCHEMA holdfast TO holdfast_append`.execute(tx);
      await sql`SET LOCAL ROLE holdfast_append`.execute(tx);
      for (const routine of entityRoutines(toy)) await sql.raw(routine).execute(tx);
    });
  } finally {
    await db.destroy();
  }
}

test("an entity that is declared is created, listed, updated, deleted and kept like every other", async () => {
  const tenant = newTenant({ grpc });
  const toys = entityClient(toy, tenant.rpc);
  const given = sample(toy);
  const created = await toys.create(given);
  expect(created).toMatchObject({ id: given.id, colour: given.colour, revision: 1n, position: 1n });
  expect(await toys.create(given)).toEqual(created);
  expect(await refusal(toys.create({ ...given, colour: "other" }))).toMatchObject({
    code: status.ALREADY_EXISTS,
  });
  expect(await toys.get(created.id as string)).toEqual(created);
  expect(await toys.getByName(created.externalId as string)).toEqual(created);

  const other = await toys.create(sample(toy, 2));
  const filter = { colours: [other.colour], labels: { seed: "2" } };
  expect((await toys.list({ filter })).records).toEqual([other]);
  const page = await toys.list({ pageSize: 1 });
  expect(page.records).toEqual([other]);
  expect((await toys.list({ pageSize: 1, pageToken: page.nextPageToken })).records).toEqual([created]);

  const update = present(toys.update);
  const updated = await update({ ...given, weight: 99 }, ["weight"]);
  expect(updated).toMatchObject({ weight: 99, colour: given.colour, revision: 2n });
  const wrong = await refusal(update({ ...given, weight: 101, colour: "\0" }, ["weight", "colour"]));
  expect(wrong.fields).toEqual(["toy.colour", "toy.weight"]);
  const stale = update(given, ["weight"], { expectedRevision: 1n });
  expect(await refusal(stale)).toMatchObject({ code: status.ABORTED });

  const deleted = await present(toys.delete)(created.id as string);
  expect((await toys.list()).records).toEqual([other]);
  const { revisions } = await present(toys.listRevisions)({ id: created.id });
  expect(revisions.map(({ record }) => record)).toEqual([deleted, updated, created]);
  expect(await toys.get(created.id as string, { atPosition: 1n })).toEqual(created);
  const strangers = entityClient(toy, newTenant({ grpc }).rpc);
  expect(await refusal(strangers.get(created.id as string))).toMatchObject({ code: status.NOT_FOUND });

  const reports = [];
  for await (const report of verifyTenants({ database, codecs, tenantId: tenant.id })) reports.push(report);
  expect(reports).toMatchObject([{ rows: 2, difference: undefined }]);
});
