import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { expect, onTestFinished, vi } from "vitest";
import { layoutOf } from "../../src/postgres/layout.js";
import { findPostmaster } from "../../src/postgres/postmaster-file.js";
import { startEmbeddedPostgres } from "../../src/postgres/start-embedded-postgres.js";
import { connect } from "./connect.js";
import { execute } from "./execute.js";
import { query } from "./query.js";
import { present } from "./tenant.js";

/** What never comes takes that long; on a machine that is busy with other things all else comes in seconds. */
const NEVER_MS = 60_000;

/** A Postgres of the test's own, whose COMMITs wait for a synchronous standby when the test says so. There is none. */
export interface SynchronousPostgres {
  readonly url: string;
  /** From now on every COMMIT waits; resolves when one does. */
  standbyIsAway(): Promise<void>;
  /** No COMMIT waits any more. */
  standbyIsBack(): Promise<void>;
  /** Sessions that wait for an event, or for one of that type, in a statement like this; the oldest first. */
  waiting(event: string, statement: string): Promise<number[]>;
  /** The first of them, once there is one. */
  oneWaiting(event: string, statement: string): Promise<number>;
  /** Kills it, as a crash does; whoever runs it starts it again. */
  kill(): void;
  close(): Promise<void>;
}

export async function startSynchronousPostgres(
  settings: Record<string, string>,
): Promise<SynchronousPostgres> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-sync-"));
  await chmod(directory, 0o755);
  const postgres = await startEmbeddedPostgres({ directory, logger: pino({ level: "silent" }), settings });
  const { url } = postgres;
  const waiting = async (event: string, statement: string) => {
    const rows = await query<{ pid: number }>(
      url,
      `SELECT pid FROM pg_stat_activity WHERE $1 IN (wait_event, wait_event_type) AND query LIKE $2
       AND pid <> pg_backend_pid() ORDER BY query_start`,
      [event, statement],
    );
    return rows.map(({ pid }) => pid);
  };
  const oneWaiting = (event: string, statement: string) =>
    vi.waitFor(async () => present((await waiting(event, statement))[0]), NEVER_MS);
  return {
    url,
    waiting,
    oneWaiting,
    async standbyIsAway() {
      await execute(url, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()");
      const client = await connect(url);
      onTestFinished(() => client.end());
      let isTold = false;
      const commitUntilOneWaits = async () => {
        while (!isTold) await client.query("SELECT pg_logical_emit_message(true, 'test', '')");
      };
      commitUntilOneWaits().catch(() => {});
      await vi.waitFor(async () => expect(await waiting("SyncRep", "%'test'%")).toHaveLength(1), NEVER_MS);
      isTold = true;
    },
    standbyIsBack: () =>
      execute(url, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"),
    kill: () => process.kill(present(findPostmaster(layoutOf(directory))).pid, "SIGKILL"),
    async close() {
      await postgres.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
