import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { query } from "../../test/support/query.js";
import { attachEmbeddedPostgres } from "./attach-embedded-postgres.js";
import { layoutOf } from "./layout.js";
import { isAlive } from "./postmaster.js";
import { findPostmaster } from "./postmaster-file.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./start-embedded-postgres.js";

const logger = pino({ level: "silent" });

describe("the embedded Postgres", () => {
  let seed: string;
  let parent: string;
  let directory: string;
  const opened: EmbeddedPostgres[] = [];

  // initdb takes most of a second, so most tests start on a copy of what it made.
  beforeAll(async () => {
    seed = mkdtempSync(join(tmpdir(), "holdfast-postgres-"));
    await (await startEmbeddedPostgres({ directory: seed, logger })).close();
  });
  afterAll(() => rmSync(seed, { recursive: true, force: true }));

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "holdfast-postgres-"));
    directory = join(parent, "made", "on", "demand");
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((postgres) => postgres.close()));
    rmSync(parent, { recursive: true, force: true });
  });

  function initialised(): void {
    mkdirSync(directory, { recursive: true });
    execFileSync("cp", ["-a", join(seed, "data"), directory]);
  }

  async function start(options: Partial<Parameters<typeof startEmbeddedPostgres>[0]> = {}) {
    const postgres = await startEmbeddedPostgres({ directory, logger, ...options });
    opened.push(postgres);
    return postgres;
  }

  test("is a durable UTF-8 database on a Unix socket, whatever the locale", async () => {
    const { url, version } = await start();
    const settings = ["synchronous_commit", "fsync", "listen_addresses", "server_encoding", "TimeZone"];
    const [row] = await query(
      url,
      `SELECT ${settings.map((name) => `current_setting('${name}') AS ${name}`)}, datlocprovider, datlocale,
              current_setting('server_version') AS version
         FROM pg_database WHERE datname = current_database()`,
    );
    expect(row).toEqual({
      synchronous_commit: "on",
      fsync: "on",
      listen_addresses: "",
      server_encoding: "UTF8",
      timezone: "UTC",
      datlocprovider: "b",
      datlocale: "C.UTF-8",
      version,
    });
  });

  test("keeps what it holds over a stop", async () => {
    initialised();
    const first = await start();
    await query(first.url, "CREATE TABLE kept AS SELECT 'Ünïcödé' AS text");
    await first.close();
    await first.close();
    expect(findPostmaster(layoutOf(directory))).toBeUndefined();

    const second = await start();
    expect(await query(second.url, "SELECT text FROM kept")).toEqual([{ text: "Ünïcödé" }]);
  });

  test("has one owner, to whose database others attach", async () => {
    initialised();
    expect(attachEmbeddedPostgres({ directory })).toBeUndefined();
    const owner = await start();
    await expect(start()).rejects.toMatchObject({
      problem: "IN_USE",
      message: expect.stringContaining("Stop that Holdfast first"),
    });
    const attached = attachEmbeddedPostgres({ directory });
    expect(attached).toBe(owner.url);
    expect(await query(attached ?? "", "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await owner.close();
    expect(attachEmbeddedPostgres({ directory })).toBeUndefined();
    await start();
  });

  test("comes back under the same URL after kill -9, with everything acknowledged", async () => {
    initialised();
    const { url } = await start();
    const layout = layoutOf(directory);
    await query(url, "CREATE TABLE acknowledged (n int)");
    for (let round = 1; round <= 3; round += 1) {
      await query(url, `INSERT INTO acknowledged VALUES (${round})`);
      const killed = findPostmaster(layout)?.pid ?? 0;
      process.kill(killed, "SIGKILL");
      await vi.waitFor(() => {
        const running = findPostmaster(layout);
        expect(running?.pid).not.toBe(killed);
        expect(running?.status).toBe("ready");
      }, 120_000);
    }
    expect(await query(url, "SELECT count(*)::int AS n FROM acknowledged")).toEqual([{ n: 3 }]);
  });

  test("uses a short socket directory of its own when the path is long, and removes it", async () => {
    directory = join(parent, "long-".repeat(30));
    initialised();
    const { url, close } = await start();
    const socketDirectory = new URL(url).searchParams.get("host") ?? "";
    expect(socketDirectory.startsWith(directory)).toBe(false);
    expect(statSync(socketDirectory).mode & 0o777).toBe(0o700);
    expect(attachEmbeddedPostgres({ directory })).toBe(url);
    await query(url, "SELECT 1");
    await close();
    expect(existsSync(socketDirectory)).toBe(false);
  });

  test("throws away what an interrupted initdb left", async () => {
    const left = join(directory, "data.unfinished-x1");
    mkdirSync(left, { recursive: true });
    writeFileSync(join(left, "PG_VERSION"), "18\n");
    const { url } = await start();
    await query(url, "SELECT 1");
    expect(readdirSync(directory).filter((name) => name.includes("unfinished"))).toEqual([]);
  });

  test("refuses data of another major version and says which", async () => {
    mkdirSync(join(directory, "data"), { recursive: true });
    writeFileSync(join(directory, "data", "PG_VERSION"), "17\n");
    await expect(start()).rejects.toMatchObject({
      problem: "WRONG_VERSION",
      message: expect.stringMatching(/made by Postgres 17.*brings Postgres 18/),
    });
  });

  test("says so when it cannot write to its directory", async () => {
    writeFileSync(join(parent, "made"), "a file where a directory should be");
    await expect(start()).rejects.toMatchObject({ problem: "NOT_USABLE" });
  });

  test("repeats what Postgres says when it refuses to start, and can start afterwards", async () => {
    initialised();
    await expect(start({ settings: { shared_buffers: "many" } })).rejects.toMatchObject({
      problem: "FAILED",
      message: expect.stringContaining('invalid value for parameter "shared_buffers"'),
    });
    const { url } = await start({ settings: { work_mem: "5MB" } });
    expect(await query(url, "SHOW work_mem")).toEqual([{ work_mem: "5MB" }]);
  });

  test("stops starting when aborted, and leaves nothing running", async () => {
    const reason = new Error("changed my mind");
    await expect(start({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    for (const afterMs of [20, 200]) {
      const abort = new AbortController();
      const starting = start({ signal: abort.signal });
      setTimeout(() => abort.abort(reason), afterMs);
      await expect(starting).rejects.toBe(reason);
      expect(findPostmaster(layoutOf(directory))).toBeUndefined();
    }
    await start();
  });

  test("is not fooled by a stale postmaster.pid whose process id a stranger has", async () => {
    initialised();
    const first = await start();
    await query(first.url, "CREATE TABLE kept (n int)");
    const layout = layoutOf(directory);
    const { uid, gid } = statSync(layout.data);
    const killed = findPostmaster(layout)?.pid ?? 0;
    await first.close();
    // Of the same account: the case that Postgres by itself takes for its predecessor.
    const stranger: ChildProcess = spawn("sleep", ["60"], {
      stdio: "ignore",
      ...(process.getuid?.() === 0 && { uid, gid }),
    });
    try {
      writeFileSync(
        layout.postmasterFile,
        `${stranger.pid}\n${layout.data}\n1700000000\n5432\n${join(directory, "socket")}\n\n  1234567         1\nready   \n`,
      );
      expect(attachEmbeddedPostgres({ directory })).toBeUndefined();
      const second = await start();
      await query(second.url, "SELECT * FROM kept");
      expect(isAlive(stranger.pid ?? 0)).toBe(true);
      expect(isAlive(killed)).toBe(false);
    } finally {
      stranger.kill("SIGKILL");
    }
  });
});
