import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { CliProcess } from "./cli-process.js";
import { connect } from "./connect.js";
import { runCommand } from "./run-command.js";

export interface KilledImports {
  /** Kills that came while records were being written or read back. */
  readonly amidst: number;
  readonly kills: number;
  /** Of what everything became, without an interruption and after each. */
  readonly expected: string;
  readonly found: readonly string[];
  readonly tenants: readonly string[];
}

/**
 * Imports a folder again and again, each time killed with SIGKILL and then run once more to its end. The first is killed
 * as soon as it has begun, so that one is interrupted for certain; the others at random moments, one in each part of the
 * time that an import takes. What is killed is a process of its own.
 */
export async function killImports(
  databaseUrl: string,
  source: string,
  backups: string,
  kills: number,
): Promise<KilledImports> {
  const client = await connect(databaseUrl);
  await client.query("SET ROLE holdfast_append");
  try {
    const command = (tenant: string) => [
      "import",
      source,
      "--tenant",
      tenant,
      "--imports",
      join(backups, tenant),
    ];
    const env = { DATABASE_URL: databaseUrl };
    const reference = randomUUID();
    const started = performance.now();
    await toTheEnd(command(reference), env);
    const whole = performance.now() - started;
    const expected = await contentHash(client, reference);
    const found: string[] = [];
    const tenants: string[] = [];
    let amidst = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      const tenant = randomUUID();
      const process = new CliProcess(command(tenant), env);
      // Starting takes about as long as importing little: the moments that matter come after it.
      await begun(client, tenant, process);
      if (kill > 0) await delay(((kill + Math.random()) / kills) * whole);
      process.kill("SIGKILL");
      await process.exited;
      if (await isRunning(client, tenant)) amidst += 1;
      await toTheEnd(command(tenant), env);
      found.push(await contentHash(client, tenant));
      tenants.push(tenant);
    }
    return { amidst, kills, expected, found, tenants };
  } finally {
    await client.end();
  }
}

async function toTheEnd(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { code, stdout, stderr } = await runCommand(args, env);
  if (code !== 0) throw new Error(`the import ended with ${code}:\n${stdout}\n${stderr}`);
}

async function begun(client: pg.Client, tenant: string, process: CliProcess): Promise<void> {
  while (process.child.exitCode === null && !(await isRunning(client, tenant))) await delay(5);
}

async function isRunning(client: pg.Client, tenant: string): Promise<boolean> {
  const { rows } = await client.query(
    "SELECT 1 FROM holdfast.imports WHERE tenant_id = $1 AND status = 'RUNNING'",
    [tenant],
  );
  return rows.length > 0;
}

/** Over the content hash of every revision and every row, Holdfast's own audits left out. */
async function contentHash(client: pg.Client, tenant: string): Promise<string> {
  const { rows } = await client.query<{ hash: string }>(
    `SELECT md5(string_agg(h, ',' ORDER BY h)) AS hash FROM (
       SELECT concat_ws(' ', entity, entity_id, revision, encode(content_hash, 'hex')) AS h
       FROM holdfast.revisions WHERE tenant_id = $1
       UNION ALL SELECT concat_ws(' ', 'observation', id, encode(content_hash, 'hex'))
       FROM holdfast.observations WHERE tenant_id = $1
       UNION ALL SELECT concat_ws(' ', 'decision', id, encode(content_hash, 'hex'))
       FROM holdfast.decisions WHERE tenant_id = $1
       UNION ALL SELECT concat_ws(' ', 'performance metric', id, encode(content_hash, 'hex'))
       FROM holdfast.performance_metrics WHERE tenant_id = $1
       UNION ALL SELECT concat_ws(' ', 'security audit', id, encode(content_hash, 'hex'))
       FROM holdfast.security_audits WHERE tenant_id = $1 AND NOT by_holdfast
     ) AS contents`,
    [tenant],
  );
  return rows[0]?.hash ?? "";
}
