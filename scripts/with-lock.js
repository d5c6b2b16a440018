import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 100;
/** An install or a build takes minutes at worst; an older lock is from before this machine came up. */
const ABANDONED_AFTER_MS = 15 * 60_000;

/**
 * Does the work while no other process does work under the same lock, waiting
 * for its turn. The lock of a process that died counts for nothing.
 * @template T
 * @param {string} path
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  let hasSaidSo = false;
  while (!acquire(path)) {
    if (removeAbandoned(path)) continue;
    if (!hasSaidSo) console.error("Waiting for another process that installs or builds …");
    hasSaidSo = true;
    await delay(POLL_MS);
  }
  const release = () => rmSync(path, { force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    release();
    process.off("exit", release);
  }
}

/** @param {string} path */
function acquire(path) {
  const candidate = `${path}.${process.pid}`;
  writeFileSync(candidate, String(process.pid));
  try {
    linkSync(candidate, path); // fails when the name exists, and never shows an unwritten file
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(candidate, { force: true });
  }
}

/** @param {string} path */
function removeAbandoned(path) {
  try {
    const owner = readFileSync(path, "utf8");
    if (isAlive(Number(owner)) && Date.now() - statSync(path).mtimeMs < ABANDONED_AFTER_MS) return false;
    const removed = `${path}.removed.${process.pid}`;
    renameSync(path, removed);
    // Another process may have removed it and taken the lock since we looked.
    if (readFileSync(removed, "utf8") === owner) rmSync(removed);
    else renameSync(removed, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return true; // released meanwhile
    throw error;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM"; // it lives, under another account
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code;
}
