import { readFileSync, readlinkSync } from "node:fs";
import { readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { findProcess } from "../postgres/process-status.js";

interface Owner {
  /** Where process ids mean the same: the machine since it started, and the container. */
  readonly host: string;
  readonly pid: number;
  /** Of the process: another one may have its id later. */
  readonly startTime: string;
}

export interface FolderOwner {
  /** The work is done: nobody works in the folder any more. */
  release(): Promise<void>;
  /** The work failed: when this process has ended, the folder is one that was left behind. */
  abandon(): void;
}

const FILE = "owner.json";
/** How often an owner shows that it is there to those who cannot see its process, in ms. */
const HEARTBEAT_MS = 60_000;
/** An owner on another machine that did not for so long has ended, in ms: several heartbeats, and clocks that differ. */
const SILENT_MS = 15 * 60_000;
/**
 * Notes in a folder that this process works in it, until `release`: several servers, also of several machines, may
 * share the directory above, and none removes what another one works with.
 */
export async function ownFolder(folder: string): Promise<FolderOwner> {
  const path = join(folder, FILE);
  const owner: Owner = {
    host: host(),
    pid: process.pid,
    startTime: findProcess(process.pid)?.startTime ?? "",
  };
  await writeFile(path, JSON.stringify(owner), { mode: 0o600 });
  const beat = () => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  };
  const timer = setInterval(beat, HEARTBEAT_MS).unref();
  return {
    abandon: () => clearInterval(timer),
    async release() {
      clearInterval(timer);
      await rm(path, { force: true });
    },
  };
}

/** Whether a process works in a folder: one that lives; one that has ended without `release`; or none is named. */
export async function ownership(folder: string): Promise<"owned" | "left behind" | "unnamed"> {
  const path = join(folder, FILE);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return "unnamed";
  const owner = parse(text);
  const isOurs = owner?.host === host();
  const isThere = isOurs ? isAlive(owner) : await isYounger(path, SILENT_MS);
  return isThere ? "owned" : "left behind";
}

/** Whether something was changed less than so many milliseconds ago. */
export async function isYounger(path: string, ageMs: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < ageMs;
}

function isAlive({ pid, startTime }: Owner): boolean {
  return findProcess(pid)?.startTime === startTime;
}

function parse(text: string): Owner | undefined {
  try {
    const { host, pid, startTime } = JSON.parse(text) as Partial<Owner>;
    const isOwner = typeof host === "string" && typeof pid === "number" && typeof startTime === "string";
    return isOwner ? { host, pid, startTime } : undefined;
  } catch {
    return undefined;
  }
}

function host(): string {
  return [
    hostname(),
    // Of Linux alone: a container has ids of its own.
    read(() => readlinkSync("/proc/self/ns/pid")),
    read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
  ].join(" ");
}

function read(from: () => string): string {
  try {
    return from();
  } catch {
    return "";
  }
}
