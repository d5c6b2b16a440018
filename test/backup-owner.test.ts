import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../src/postgres/start-embedded-postgres.js";
import { migrateUp } from "../src/store/migrate.js";
import { backupOf, contents, PLAN, restoreTo } from "./support/backups.js";
import { keepBusy } from "./support/busy-tenant.js";
import { withDatabase } from "./support/database-url.js";
import { execute } from "./support/execute.js";
import { startServer } from "./support/start-server.js";
import { newTenant } from "./support/tenant.js";
import { expectSoundLog } from "./support/verify-log.js";

describe("an owner that is no superuser", () => {
  let directory: string;
  let postgres: EmbeddedPostgres;
  beforeAll(async () => {
    const { mkdtemp } = await import("node:fs/promises");
    const { tmpdir } = await import("node:os");
    directory = await mkdtemp(join(tmpdir(), "holdfast-owner-"));
    postgres = await startEmbeddedPostgres({ directory, logger: pino({ level: "silent" }) });
    await execute(
      postgres.url,
      "CREATE ROLE keeper LOGIN CREATEROLE PASSWORD 'keeper'",
      "CREATE DATABASE kept OWNER keeper",
      "CREATE DATABASE restored OWNER keeper",
    );
  });
  afterAll(async () => {
    await postgres?.close();
    await rm(directory, { recursive: true, force: true });
  });

  test("backs up every tenant and restores them", async () => {
    const as = (database: string) => {
      const url = new URL(withDatabase(postgres.url, database));
      url.username = url.password = "keeper";
      return url.href;
    };
    await migrateUp({ url: as("kept") });
    const app = await startServer(as("kept"), { logLevel: "silent" });
    const tenants = [newTenant(app), newTenant(app)];
    for (const tenant of tenants) await keepBusy(tenant, PLAN);
    await app.close();
    const { file, manifest } = await backupOf(as("kept"));
    expect(manifest.tenants.map(({ tenant_id }) => tenant_id).sort()).toEqual(
      tenants.map(({ id }) => id).sort(),
    );
    await restoreTo(as("restored"), file);
    expect(await contents(withDatabase(postgres.url, "restored"))).toEqual(
      await contents(withDatabase(postgres.url, "kept")),
    );
    for (const { id } of tenants) await expectSoundLog(as("restored"), id);
  });
});
