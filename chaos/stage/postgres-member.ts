import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { NetConnectOpts } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import pg from "pg";
import { pino } from "pino";
import { layoutOf } from "../../src/postgres/layout.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/postgres/start-embedded-postgres.js";
import { childrenOf, isPostgresReady, postmasterOf, signal } from "./postgres-processes.js";

/** Without it a standby that was cut off, or is being copied, would miss what was written meanwhile. */
const SETTINGS = { wal_keep_size: "1GB", wal_retrieve_retry_interval: "200ms" };

/** What a copy begins anew. */
const NOT_COPIED = [
  "postmaster.pid",
  "postmaster.opts",
  "pg_wal/*",
  "pg_replslot/*",
  "pg_stat_tmp/*",
  "log/*",
];

/** One Postgres of the stage, primary or standby. */
export class PostgresMember {
  readonly directory: string;
  readonly #postgres: EmbeddedPostgres;

  private constructor(directory: string, postgres: EmbeddedPostgres) {
    this.directory = directory;
    this.#postgres = postgres;
  }

  /** @param log where the harness' supervisor of it says what it does. */
  static async start(directory: string, log: string, settings: Record<string, string> = {}) {
    mkdirSync(directory, { recursive: true });
    const logger = pino({ level: "info" }, pino.destination(log));
    return new PostgresMember(
      directory,
      await startEmbeddedPostgres({ directory, logger, settings: { ...SETTINGS, ...settings } }),
    );
  }

  get url(): string {
    return this.#postgres.url;
  }

  get version(): string {
    return this.#postgres.version;
  }

  /** Where it listens. */
  get address(): NetConnectOpts {
    const { searchParams } = new URL(this.url);
    return { path: join(searchParams.get("host") ?? "", `.s.PGSQL.${searchParams.get("port")}`) };
  }

  get postmaster(): number | undefined {
    return postmasterOf(this.directory);
  }

  get isReady(): boolean {
    return isPostgresReady(this.directory);
  }

  async query(statement: string): Promise<pg.QueryArrayResult["rows"]> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 3000 });
    client.on("error", () => {});
    try {
      await client.connect();
      return (await client.query({ text: statement, rowMode: "array" })).rows;
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** Kills all its processes at one moment; it is not started again. */
  async kill(): Promise<void> {
    const pid = this.postmaster;
    if (pid !== undefined) for (const each of [pid, ...childrenOf(pid)]) signal(each, "SIGKILL");
    await this.#postgres.close();
  }

  close(): Promise<void> {
    return this.#postgres.close();
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Copies it, while it runs, into a directory from which a standby can be started. */
  async copyTo(directory: string): Promise<void> {
    const [from, to] = [layoutOf(this.directory).data, layoutOf(directory).data];
    mkdirSync(to, { recursive: true, mode: 0o700 });
    const client = new pg.Client({ connectionString: this.url });
    client.on("error", () => {});
    await client.connect();
    try {
      await client.query("SELECT pg_backup_start('standby', true)");
      await copyFiles(from, to);
      const { rows } = await client.query<{ labelfile: string }>(
        "SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)",
      );
      const { uid, gid } = statSync(from);
      const write = (name: string, content: string) => {
        writeFileSync(join(to, name), content);
        chownSync(join(to, name), uid, gid);
      };
      write("backup_label", rows[0]?.labelfile ?? "");
      write("standby.signal", "");
      // What was set on the primary for the time being, above all which standbys to wait for.
      write("postgresql.auto.conf", "");
      chownSync(to, uid, gid);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** Files may change and vanish meanwhile: replaying the log makes up for it. */
async function copyFiles(from: string, to: string): Promise<void> {
  const excluded = NOT_COPIED.map((pattern) => `--exclude=./${pattern}`);
  const packing = spawn("tar", ["-C", from, "--warning=no-file-changed", ...excluded, "-cf", "-", "."], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const unpacking = spawn("tar", ["-C", to, "-xpf", "-"], { stdio: ["pipe", "ignore", "pipe"] });
  packing.stdout.pipe(unpacking.stdin);
  const [[packed], [unpacked], ...said] = await Promise.all([
    once(packing, "exit"),
    once(unpacking, "exit"),
    text(packing.stderr),
    text(unpacking.stderr),
  ]);
  // 1 is: a file was not as it was when it was listed.
  if (packed > 1 || unpacked !== 0) throw new Error(`a standby could not be copied: ${said.join(" ")}`);
}
