import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import type pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { childrenOf, signal } from "../chaos/stage/postgres-processes.js";
import { GoalService } from "../gen/holdfast/v1/goal_pb.js";
import type { App } from "../src/app.js";
import { layoutOf } from "../src/postgres/layout.js";
import { findPostmaster } from "../src/postgres/postmaster-file.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../src/postgres/start-embedded-postgres.js";
import type { DatabaseState } from "../src/store/database-probe.js";
import { connect } from "./support/connect.js";
import { createTestDatabase } from "./support/create-test-database.js";
import { startDatabaseProxy } from "./support/database-proxy.js";
import { observation } from "./support/entries.js";
import { execute } from "./support/execute.js";
import { readHealth, untilHealth } from "./support/health.js";
import { query } from "./support/query.js";
import { refusal } from "./support/refusal.js";
import { startServer } from "./support/start-server.js";
import { newTenant, type Tenant } from "./support/tenant.js";
import { expectSoundLog } from "./support/verify-log.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, reason: "DATABASE_UNAVAILABLE", mayRetry: true };
/** What never comes takes that long; on a machine that is busy with other things all else comes in seconds. */
const NEVER_MS = 60_000;

/** Calls of one tenant that wait at a time: fewer than are overload. */
const MAX_WAITING = 10;

async function serve(url: string, overrides = {}): Promise<App> {
  const app = await startServer(url, { logLevel: "silent", drainTimeoutMs: 500, ...overrides });
  onTestFinished(() => app.close());
  await untilHealth(app, "SERVING");
  return app;
}

/** Every way to write: rows alone, and state that is read before. */
function writes(tenant: Tenant): Promise<unknown>[] {
  return [
    tenant.append(observation()),
    tenant.open(),
    tenant.rpc.unary(GoalService.method.createGoal, { goal: { title: "t" } }),
  ];
}

/** Waits until the metric says that the database is in this state, and in no other. */
async function untilState(app: App, state: DatabaseState): Promise<void> {
  const states = async () => {
    const metric = await app.metrics.getSingleMetric("holdfast_database_state")?.get();
    return metric?.values.filter(({ value }) => value === 1).map(({ labels }) => labels.state);
  };
  await vi.waitFor(async () => expect(await states()).toEqual([state]), NEVER_MS);
}

async function expectWritesRefused(tenant: Tenant): Promise<void> {
  for (const refused of await Promise.all(writes(tenant).map(refusal))) {
    expect(refused).toMatchObject(UNAVAILABLE);
  }
}

describe("a Postgres of one's own", () => {
  let directory: string;
  let postgres: EmbeddedPostgres;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "holdfast-health-"));
    await chmod(directory, 0o755);
    postgres = await startEmbeddedPostgres({
      directory,
      logger: pino({ level: "silent" }),
      settings: { max_connections: "30" },
    });
  });
  afterAll(async () => {
    await postgres.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Sets it for everybody, or resets it. Resolves when new connections have it. */
  const set = async (name: string, value: string | undefined) => {
    const change = value === undefined ? `RESET ${name}` : `SET ${name} = '${value}'`;
    const current = async () => (await query(postgres.url, `SELECT current_setting('${name}') AS value`))[0];
    const before = await current();
    await execute(postgres.url, `ALTER SYSTEM ${change}`, "SELECT pg_reload_conf()");
    await vi.waitFor(async () => expect(await current()).not.toEqual(before), NEVER_MS);
  };
  const postmaster = () => findPostmaster(layoutOf(directory))?.pid ?? 0;

  test("that is stopped in its tracks is noticed, refuses writes at once, and serves again without a restart", async () => {
    const app = await serve(postgres.url);
    const tenant = newTenant(app);
    await Promise.all(writes(tenant));
    // The postmaster first: then nobody gets a new connection, the probe above all, between being listed and stopped.
    signal(postmaster(), "SIGSTOP");
    const processes = [postmaster(), ...childrenOf(postmaster())];
    const signalAll = (name: NodeJS.Signals) => {
      for (const pid of processes) signal(pid, name);
    };
    signalAll("SIGSTOP");
    try {
      await untilHealth(app, "NOT_SERVING");
      await untilState(app, "unreachable");
      await expectWritesRefused(tenant);
    } finally {
      signalAll("SIGCONT");
    }
    await untilHealth(app, "SERVING");
    await Promise.all(writes(tenant));
    await expectSoundLog(postgres.url, tenant.id);
  });

  test("that is killed is noticed and, started again by whoever runs it, served from without a restart", async () => {
    const app = await serve(postgres.url);
    const tenant = newTenant(app);
    await Promise.all(writes(tenant));
    process.kill(postmaster(), "SIGKILL");
    await untilHealth(app, "NOT_SERVING");
    await untilHealth(app, "SERVING");
    await Promise.all(writes(tenant));
    await expectSoundLog(postgres.url, tenant.id);
  });

  test("that turned read-only refuses writes as UNAVAILABLE, answers reads, and is noticed", async () => {
    const app = await serve(postgres.url);
    const tenant = newTenant(app);
    const { id } = await tenant.open();
    // The postmaster tells every backend before it takes another connection: the first that has it comes after.
    await set("default_transaction_read_only", "on");
    try {
      // Each write meets the database itself, or is refused for it once it is known.
      await expectWritesRefused(tenant);
      await untilHealth(app, "NOT_SERVING");
      await untilState(app, "read-only");
      await expectWritesRefused(tenant);
      expect(await tenant.listAll()).toHaveLength(1);
    } finally {
      await set("default_transaction_read_only", undefined);
    }
    await untilHealth(app, "SERVING");
    await tenant.append(observation({ sessionId: id }));
    await expectSoundLog(postgres.url, tenant.id);
  });

  test("whose COMMITs wait for a standby that is away is stalled, and what waited is acknowledged afterwards", async () => {
    // The flush that waits is to be left alone for as long as the test may take.
    const app = await serve(postgres.url, { statementTimeoutMs: 10 * NEVER_MS });
    const tenant = newTenant(app);
    await tenant.append(observation());
    await set("synchronous_standby_names", "nobody");
    const sent: Promise<unknown>[] = [];
    let answered = 0;
    try {
      // Of what is sent until health tells, some waits for its COMMIT.
      while ((await readHealth(app)).grpc === "SERVING") {
        if (sent.length - answered >= MAX_WAITING) continue;
        const outcome = tenant.append(observation()).finally(() => {
          answered += 1;
        });
        outcome.catch(() => {});
        sent.push(outcome);
      }
      await untilState(app, "stalled");
      await expectWritesRefused(tenant);
      expect(answered).toBeLessThan(sent.length);
      const heartbeats =
        "SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT holdfast.heartbeat%'";
      expect(await query(postgres.url, heartbeats)).toHaveLength(1);
    } finally {
      await set("synchronous_standby_names", undefined);
    }
    await untilHealth(app, "SERVING");
    await untilState(app, "writable");
    await Promise.all(sent);
    expect(await expectSoundLog(postgres.url, tenant.id)).toBe(BigInt(1 + sent.length));
  });

  test.each([
    [
      "the routine that begins an append",
      ["ALTER FUNCTION holdfast.begin_append RENAME TO begin_append_gone"],
      ["ALTER FUNCTION holdfast.begin_append_gone RENAME TO begin_append"],
    ],
    [
      "the rights of the append path",
      ["REVOKE UPDATE ON holdfast.tenant_logs FROM holdfast_append"],
      ["GRANT UPDATE ON holdfast.tenant_logs TO holdfast_append"],
    ],
    ["the library of PL/pgSQL", loadedFrom("absent"), loadedFrom("plpgsql")],
  ])("without %s is failing, though it answers", async (_, broken, mended) => {
    const app = await serve(postgres.url);
    await execute(postgres.url, ...broken);
    try {
      await untilHealth(app, "NOT_SERVING");
      await untilState(app, "failing");
      await expectWritesRefused(newTenant(app));
    } finally {
      await execute(postgres.url, ...mended);
    }
    await untilHealth(app, "SERVING");
    await Promise.all(writes(newTenant(app)));
  });

  test("that has no connection left refuses as UNAVAILABLE, until it has", async () => {
    const app = await serve(postgres.url, { databaseConnections: 4 });
    const tenant = newTenant(app);
    await tenant.open();
    const held: pg.Client[] = [];
    const holdAll = async () => {
      for (;;) {
        try {
          held.push(await connect(postgres.url));
        } catch (error) {
          expect(error).toMatchObject({ code: "53300" });
          return;
        }
      }
    };
    await holdAll();
    // Whoever is quicker gets a place that became free: until none is left to the server.
    const ended =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'holdfast%'";
    while ((await held[0]?.query(ended))?.rowCount) await holdAll();
    await expectWritesRefused(tenant);
    await Promise.all(held.map((client) => client.end()));
    await untilHealth(app, "SERVING");
    await Promise.all(writes(tenant));
    await expectSoundLog(postgres.url, tenant.id);
  });
});

/** Statements after which Postgres loads PL/pgSQL from another library, as after an upgrade that left it out. */
function loadedFrom(library: string): string[] {
  return [
    "SET allow_system_table_mods = on",
    `UPDATE pg_proc SET probin = '$libdir/${library}' WHERE proname LIKE 'plpgsql\\_%\\_handler'`,
  ];
}

describe("a database behind a network", () => {
  test("that is cut off, or silent, is noticed, and served from again", async () => {
    const database = await createTestDatabase();
    const proxy = await startDatabaseProxy(database.url);
    onTestFinished(async () => {
      await proxy.close();
      await database.close();
    });
    const app = await serve(proxy.url);
    const tenant = newTenant(app);
    await tenant.open();
    for (const fail of [() => proxy.cut(), () => proxy.stall()]) {
      fail();
      await untilHealth(app, "NOT_SERVING");
      await expectWritesRefused(tenant);
      proxy.restore();
      await untilHealth(app, "SERVING");
      await Promise.all(writes(tenant));
    }
  });

  test("one of whose connections is ended goes on being healthy", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    const app = await serve(database.url);
    let ended = 0;
    while (ended < 3) {
      // One that has answered: two in a row that do not are a database that is away.
      const rows = await query(
        database.url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'holdfast probe' AND datname = current_database() AND state = 'idle' AND query <> ''`,
      );
      ended += rows.length;
      await delay(50);
      expect(await readHealth(app)).toEqual({ grpc: "SERVING", readyz: 200 });
    }
  });
});

test("what Postgres cannot do now, and may later, is UNAVAILABLE with the time to retry after", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  // Disk full, out of memory, too many connections, an I/O error, shut down, crashed, starting, a deadlock …
  const codes = [
    ..."53000 53100 53200 53300 58030 57P01 57P02 57P03 57014 08006".split(" "),
    ..."25006 25P03 25P04 40001 40P01 55P03".split(" "),
  ];
  await execute(
    database.url,
    `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF NEW.type <> '' THEN RAISE EXCEPTION 'as told' USING ERRCODE = NEW.type; END IF; RETURN NEW;
     END $$`,
    "CREATE TRIGGER fail BEFORE INSERT ON holdfast.observations FOR EACH ROW EXECUTE FUNCTION fail()",
  );
  const app = await serve(database.url);
  await Promise.all(
    codes.map(async (type) => {
      const tenant = newTenant(app);
      expect(await refusal(tenant.append(observation({ type }))), type).toMatchObject(UNAVAILABLE);
      await tenant.append(observation({ type: "" }));
      await expectSoundLog(database.url, tenant.id);
    }),
  );
});
