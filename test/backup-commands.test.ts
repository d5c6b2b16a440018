import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "./support/archives.js";
import { backupOf, emptyDatabase, isUntouched, PLAN, restoreTo } from "./support/backups.js";
import { keepBusy } from "./support/busy-tenant.js";
import { CliProcess, runCli } from "./support/cli-process.js";
import { observation } from "./support/entries.js";
import { query } from "./support/query.js";
import { runCommand } from "./support/run-command.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const source = useServers({ memoryAccessIntervalMs: 1 });

// Once; a tenant's connection is closed with a test.
let isFilled = false;
beforeEach(async () => {
  if (!isFilled) await keepBusy(newTenant(source.app()), PLAN);
  isFilled = true;
});

describe("holdfast backup and restore", () => {
  test("back up, leave an audit, restore, and say where each log ends", async () => {
    const file = join(await temporaryFolder(), "all.backup");
    const env = { DATABASE_URL: source.databaseUrl };
    const made = await runCli(["backup", file, "--json"], env);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const { tenants, rows } = JSON.parse(made.stdout);
    const audits = await query<{ operation: string; actor: string; metadata: { rows: number } }>(
      source.databaseUrl,
      "SELECT operation, actor, metadata FROM holdfast.security_audits WHERE operation = 'holdfast backup'",
    );
    expect(audits).toContainEqual({
      operation: "holdfast backup",
      actor: expect.stringContaining("operator:"),
      metadata: expect.objectContaining({ rows }),
    });
    const again = await runCommand(["backup", file], env);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("is there already") });
    const url = await emptyDatabase();
    const restored = await runCli(["restore", file], { DATABASE_URL: url });
    expect(restored.code).toBe(0);
    for (const { tenant_id, position, hash } of tenants) {
      expect(restored.stdout).toContain(
        `tenant ${tenant_id}  intact  last position ${position}  hash ${hash}\n`,
      );
    }
    expect(restored.stdout).toMatch(
      new RegExp(`Restored and verified ${rows} rows of ${tenants.length} tenants`),
    );
    const verified = await runCommand(["verify"], { DATABASE_URL: url });
    expect(verified).toMatchObject({ code: 0, stdout: expect.not.stringContaining("DIFFERS") });
    const twice = await runCommand(["restore", file], { DATABASE_URL: url });
    expect(twice).toMatchObject({ code: 1, stderr: expect.stringMatching(/^the target is not empty/) });
  });

  test("killed or stopped in the middle of a restore leave the target empty, and restoring again is whole", async () => {
    const tenant = newTenant(source.app());
    for (let i = 0; i < 20; i += 1) {
      await tenant.append(...Array.from({ length: 500 }, () => observation({ content: "x".repeat(200) })));
    }
    const { file, rows } = await backupOf(source.databaseUrl);
    const url = await emptyDatabase();
    let kills = 0;
    for (const [signal, delayMs] of [
      ["SIGKILL", 50],
      ["SIGTERM", 150],
      ["SIGKILL", 300],
    ] as const) {
      const cli = new CliProcess(["restore", file, "--json"], { DATABASE_URL: url });
      // Once it is loading: its transaction holds the tables it has made.
      await untilRestoring(url);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      cli.kill(signal);
      // Asked to stop it says so; nobody asks SIGKILL.
      if (signal === "SIGTERM") expect([await cli.exited, cli.stderr]).toEqual([1, "Interrupted.\n"]);
      else if ((await cli.exited) === "SIGKILL") kills += 1;
      await untilGone(url);
      expect(await isUntouched(url)).toBe(true);
    }
    expect(kills).toBe(2);
    expect((await restoreTo(url, file)).rows).toBe(rows);
  });
});

async function untilRestoring(url: string): Promise<void> {
  while ((await archiveConnections(url, "AND backend_xid IS NOT NULL")) === 0);
}

async function untilGone(url: string): Promise<void> {
  while ((await archiveConnections(url)) > 0);
}

async function archiveConnections(url: string, condition = ""): Promise<number> {
  const rows = await query(
    url,
    `SELECT FROM pg_stat_activity WHERE application_name = 'holdfast archive' AND datname = current_database() ${condition}`,
  );
  return rows.length;
}
