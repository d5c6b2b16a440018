import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { layoutOf } from "../../src/postgres/layout.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/postgres/start-embedded-postgres.js";
import { migrateUp } from "../../src/store/migrate.js";
import { type DatabaseProxy, startDatabaseProxy } from "./database-proxy.js";
import { query } from "./query.js";

/** A Postgres of the test's own, which a proxy lets be reached by host and port. */
export interface PostgresCopy {
  readonly proxy: DatabaseProxy;
  /** Another one after it was closed and started again. */
  readonly postgres: EmbeddedPostgres;
  /** Starts it again after its Postgres was closed; `as` makes it a standby first. */
  start(as?: "standby"): Promise<void>;
  promote(): Promise<void>;
  /** The names of the connections of servers to it, without those that look for the primary. */
  connections(): Promise<string[]>;
  close(): Promise<void>;
}

const logger = pino({ level: "silent" });

/**
 * Starts so many copies of one migrated database, each a Postgres of its own. The first takes writes; the others are its
 * standbys until they are promoted, without a connection to it.
 */
export async function startPostgresCopies(count: number): Promise<PostgresCopy[]> {
  const directories: string[] = [];
  for (let i = 0; i < count; i++) {
    const directory = await mkdtemp(join(tmpdir(), "holdfast-copies-"));
    await chmod(directory, 0o755);
    directories.push(directory);
  }
  const [original = "", ...others] = directories;
  const made = await startIn(original);
  await migrateUp({ url: made.url });
  await made.close();
  for (const directory of others) {
    execFileSync("cp", ["-a", layoutOf(original).data, directory]);
    await makeStandby(directory);
  }
  return Promise.all(directories.map(startCopy));
}

async function startCopy(directory: string): Promise<PostgresCopy> {
  let postgres = await startIn(directory);
  const proxy = await startDatabaseProxy(postgres.url);
  return {
    proxy,
    get postgres() {
      return postgres;
    },
    async start(as) {
      if (as === "standby") await makeStandby(directory);
      postgres = await startIn(directory);
    },
    promote: async () => void (await query(postgres.url, "SELECT pg_promote()")),
    async connections() {
      const rows = await query<{ name: string }>(
        postgres.url,
        "SELECT DISTINCT application_name AS name FROM pg_stat_activity " +
          "WHERE application_name LIKE 'holdfast%' AND application_name <> 'holdfast look' ORDER BY 1",
      );
      return rows.map(({ name }) => name);
    },
    async close() {
      await proxy.close();
      await postgres.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function startIn(directory: string): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ directory, logger, settings: { fsync: "off", shared_buffers: "16MB" } });
}

function makeStandby(directory: string): Promise<void> {
  return writeFile(join(layoutOf(directory).data, "standby.signal"), "");
}

/** Of a proxy, as lists of hosts and errors name it. */
export function hostOf(proxy: DatabaseProxy): string {
  return new URL(proxy.url).host;
}

/** A URL that lists what these proxies lead to, in this order. */
export function hostListUrl(proxies: readonly DatabaseProxy[], target: string, user = "postgres"): string {
  const list = proxies.map(hostOf).join(",");
  return `postgres://${user}:secret@${list}/holdfast?sslmode=disable&target_session_attrs=${target}`;
}
