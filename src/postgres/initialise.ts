import { spawn } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { majorVersion, programPath } from "./binaries.js";
import { type Cluster, dataArgument, programOptions } from "./cluster.js";
import { DATABASE, SUPERUSER } from "./connection-url.js";
import { directoryError } from "./directory-error.js";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";
import { systemErrorCode } from "./system-error.js";

/**
 * Makes the data directory unless it is there. It is made under another name
 * and renamed when complete, so one that exists is whole; what a crash left
 * half made is thrown away.
 *
 * @returns whether it was made now
 * @throws EmbeddedPostgresError WRONG_VERSION, NOT_USABLE or FAILED
 */
export async function initialise(cluster: Cluster, signal: AbortSignal | undefined): Promise<boolean> {
  const { layout, account } = cluster;
  const prefix = `${basename(layout.data)}.unfinished-`;
  for (const name of readdirSync(layout.directory)) {
    if (name.startsWith(prefix)) discard(join(layout.directory, name));
  }
  if (isInitialised(cluster)) return false;
  const unfinished = mkdtempSync(join(layout.directory, prefix));
  try {
    chmodSync(unfinished, 0o700);
    if (account) chownSync(unfinished, account.uid, account.gid);
    await makeCluster(cluster, unfinished, signal);
    renameSync(unfinished, layout.data);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    signal?.throwIfAborted();
    throw directoryError(layout, error);
  }
  return true;
}

// The initdb of an owner that was killed may still be writing there, until it misses what was taken from it.
function discard(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

function isInitialised({ layout, binaries }: Cluster): boolean {
  let version: string;
  try {
    version = readFileSync(join(layout.data, "PG_VERSION"), "utf8").trim();
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return false;
    throw directoryError(layout, error);
  }
  if (version === majorVersion(binaries)) return true;
  throw new EmbeddedPostgresError(
    "WRONG_VERSION",
    `The data in ${layout.data} was made by Postgres ${version}; this Holdfast brings Postgres ${binaries.version}. ` +
      `Start it with a Holdfast that brings Postgres ${version} to take the data out, or move the directory away.`,
  );
}

async function makeCluster(cluster: Cluster, path: string, signal: AbortSignal | undefined): Promise<void> {
  const data = dataArgument(cluster, path);
  const initdb = [
    ...["-D", data, "-U", SUPERUSER, "--auth-local=trust", "--auth-host=reject", "--no-instructions"],
    // Independent of the machine's locales: text sorts by code point, letters are Unicode's.
    ...["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
  ];
  await run(cluster, path, "initdb", initdb, "", signal);
  await run(
    cluster,
    path,
    "postgres",
    ["--single", "-D", data, "postgres"],
    `CREATE DATABASE ${DATABASE};\n`,
    signal,
  );
}

async function run(
  cluster: Cluster,
  workingDirectory: string,
  program: "initdb" | "postgres",
  args: readonly string[],
  input: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const child = spawn(programPath(cluster.binaries, program), args, {
    ...programOptions(cluster, workingDirectory),
    stdio: "pipe",
    detached: true, // Ctrl-C is for us, who then abort
  });
  // initdb has children of its own, all in the group that its detachment made.
  const abort = () => child.pid !== undefined && process.kill(-child.pid, "SIGKILL");
  signal?.addEventListener("abort", abort, { once: true });
  // "close" comes when the last of them has let go of the pipes.
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  child.stdin.on("error", () => {}); // it may end without reading
  child.stdin.end(input);
  try {
    const [status, output] = await Promise.all([ended, text(child.stderr), text(child.stdout)]);
    // In single-user mode a failed statement shows in the output alone.
    signal?.throwIfAborted();
    if (status === 0 && !/^.*\b(ERROR|FATAL|PANIC): /m.test(output)) return;
    throw explain(cluster, `${program} ended with ${status}: ${output.trim()}`);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(
      "NO_BINARIES",
      `${programPath(cluster.binaries, program)} does not run on this system (${String(error)}). ` +
        "Set DATABASE_URL to use a Postgres of your own.",
      error,
    );
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function explain({ layout }: Cluster, output: string): EmbeddedPostgresError {
  if (/could not look up effective user ID/.test(output)) {
    return new EmbeddedPostgresError(
      "NOT_USABLE",
      `Postgres needs the account it runs as to have a name, and user id ${process.geteuid?.()} has none. ` +
        "Run Holdfast as a user that is in /etc/passwd, or set DATABASE_URL to use a Postgres of your own.",
    );
  }
  if (/No space left on device|Read-only file system|Permission denied/.test(output)) {
    return directoryError(layout, new Error(output));
  }
  return new EmbeddedPostgresError("FAILED", `Postgres could not make its data directory. ${output}`);
}
