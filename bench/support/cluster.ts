import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { pino } from "pino";
import { layoutOf } from "../../src/postgres/layout.js";
import { findPostmaster } from "../../src/postgres/postmaster-file.js";
import { startEmbeddedPostgres } from "../../src/postgres/start-embedded-postgres.js";
import { migrateUp } from "../../src/store/migrate.js";

/** A fresh, migrated Postgres with the settings Holdfast runs with; gone once closed. */
export interface Cluster {
  readonly url: string;
  readonly version: string;
  /** Of the postmaster. */
  readonly pid: number;
  /** Has Postgres tidy up and write out what it holds back, so that what is measured next does not pay for what was before. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** @param signal ends the start, and what was started until then */
export async function startCluster(signal?: AbortSignal): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const discard = () => rm(directory, { recursive: true, force: true });
  try {
    const postgres = await startEmbeddedPostgres({
      directory,
      logger: pino({ level: "warn" }),
      ...(signal && { signal }),
    });
    await migrateUp({ url: postgres.url });
    const pid = findPostmaster(layoutOf(directory))?.pid ?? Number.NaN;
    // Postgres outlives whoever started it: not one that was ended before it could stop this one.
    const kill = () => {
      try {
        process.kill(pid, "SIGQUIT");
      } catch {
        // It is gone already.
      }
    };
    process.once("exit", kill);
    return {
      url: postgres.url,
      version: postgres.version,
      pid,
      settle: () => settle(postgres.url),
      close() {
        process.off("exit", kill);
        return postgres.close().finally(discard);
      },
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

async function settle(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("VACUUM ANALYZE");
    await client.query("CHECKPOINT");
  } finally {
    await client.end();
  }
}
