import { chmodSync, copyFileSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Binaries, programPath } from "./binaries.js";
import { canUse } from "./can-use.js";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";
import type { Layout } from "./layout.js";
import { linkLibraries } from "./library-links.js";
import type { ServerAccount } from "./server-account.js";

/**
 * Binaries that the account which runs Postgres can execute: the installed
 * ones, or a copy when they lie where it may not look (a project under /root),
 * lack library links that cannot be made there (read-only node_modules), or
 * lost their executable bits.
 *
 * @throws EmbeddedPostgresError NO_BINARIES when no place for a copy is found.
 */
export function usableBinaries(
  installed: Binaries,
  layout: Layout,
  account: ServerAccount | undefined,
): Binaries {
  if (isUsable(installed, account)) return installed;
  const name = `postgres-${installed.build}`;
  // A system's cache first: a temporary directory is swept while Postgres still runs from it.
  const places = account ? ["/var/cache/holdfast", join(tmpdir(), "holdfast-cache")] : [layout.directory];
  const failures: unknown[] = [];
  for (const place of places) {
    const copy: Binaries = { ...installed, root: join(place, name) };
    try {
      provideDirectory(place);
      if (!lstatSync(copy.root, { throwIfNoEntry: false })) copyAtomically(installed.root, copy.root);
      if (isUsable(copy, account)) return copy;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new EmbeddedPostgresError(
    "NO_BINARIES",
    `The Postgres programs in ${installed.root} cannot be run${account ? ` by the account ${account.name}` : ""}, ` +
      `and could not be copied to ${places.join(" or ")}. Make one of these places usable, ` +
      "or set DATABASE_URL to use a Postgres of your own.",
    failures.at(-1),
  );
}

function isUsable(binaries: Binaries, account: ServerAccount | undefined): boolean {
  return canUse(programPath(binaries, "postgres"), account) && linkLibraries(binaries.root);
}

/** Programs found there will be run, so nobody else may have put them there. */
function provideDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  const status = lstatSync(path);
  if (!status.isDirectory() || status.uid !== process.geteuid?.() || (status.mode & 0o022) !== 0) {
    throw new Error(`${path} is not a directory that this user alone may write to`);
  }
}

function copyAtomically(from: string, to: string): void {
  const unfinished = `${to}.${process.pid}`;
  rmSync(unfinished, { recursive: true, force: true });
  try {
    copyReadable(from, unfinished);
    linkLibraries(unfinished);
    renameSync(unfinished, to);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!lstatSync(to, { throwIfNoEntry: false })) throw error; // else another process was faster
  }
}

/** Copies files and directories (not links), readable by all whatever their modes and our umask are. */
function copyReadable(from: string, to: string): void {
  mkdirSync(to);
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyReadable(source, target);
    if (!entry.isFile() || entry.name.endsWith(".a")) continue; // static libraries are of no use here
    copyFileSync(source, target);
    chmodSync(target, from.endsWith("/bin") ? 0o755 : 0o644);
  }
}
