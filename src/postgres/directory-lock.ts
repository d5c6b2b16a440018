import { randomUUID } from "node:crypto";
import { chmodSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { directoryError } from "./directory-error.js";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";
import type { Layout } from "./layout.js";
import { findProcess } from "./process-status.js";
import { systemErrorCode } from "./system-error.js";

export interface DirectoryLock {
  close(): void;
}

interface Owner {
  readonly pid: number;
  readonly startTime: string;
}

/**
 * Makes this process the only one that starts, stops and restarts the Postgres
 * in a directory. The lock of a process that has died counts for nothing. It
 * keeps apart two that act in good faith; that two postmasters never share
 * data is Postgres' own doing.
 *
 * @throws EmbeddedPostgresError IN_USE when a living process holds it, NOT_USABLE when nothing can be written.
 */
export function lockDirectory(layout: Layout): DirectoryLock {
  const owner: Owner = { pid: process.pid, startTime: findProcess(process.pid)?.startTime ?? "" };
  try {
    acquire(layout, owner);
  } catch (error) {
    throw directoryError(layout, error);
  }
  let isClosed = false;
  return {
    close() {
      if (isClosed) return; // this process may have locked it anew since
      isClosed = true;
      const holder = readOwner(layout.lock);
      if (holder?.pid === owner.pid && holder.startTime === owner.startTime) {
        rmSync(layout.lock, { force: true });
      }
    },
  };
}

function acquire(layout: Layout, owner: Owner): void {
  const candidate = `${layout.lock}.${randomUUID()}`;
  try {
    writeFileSync(candidate, JSON.stringify(owner));
    chmodSync(candidate, 0o644); // another account must see that it is taken, whatever our umask
    // link() fails when the name exists, and never shows a half-written file.
    while (!linked(candidate, layout.lock)) {
      const holder = readOwner(layout.lock);
      if (holder !== undefined && findProcess(holder.pid)?.startTime === holder.startTime) {
        throw inUse(layout, holder);
      }
      discardStale(layout.lock, holder);
    }
  } finally {
    rmSync(candidate, { force: true });
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
}

function readOwner(path: string): Owner | undefined {
  try {
    const { pid, startTime } = JSON.parse(readFileSync(path, "utf8")) as Partial<Owner>;
    return typeof pid === "number" && typeof startTime === "string" ? { pid, startTime } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Between reading a stale lock and removing it another process may have taken it: look at what was removed. */
function discardStale(path: string, expected: Owner | undefined): void {
  const removed = `${path}.${randomUUID()}`;
  try {
    renameSync(path, removed);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return;
    throw error;
  }
  const owner = readOwner(removed);
  if (owner !== undefined && (owner.pid !== expected?.pid || owner.startTime !== expected.startTime)) {
    linked(removed, path);
  }
  rmSync(removed, { force: true });
}

function inUse(layout: Layout, holder: Owner): EmbeddedPostgresError {
  const who = holder.pid === process.pid ? "this process already" : `process ${holder.pid}`;
  return new EmbeddedPostgresError(
    "IN_USE",
    `The data in ${layout.directory} is in use: ${who} runs its Postgres. ` +
      "Stop that Holdfast first, or give this one a data directory of its own.",
  );
}
