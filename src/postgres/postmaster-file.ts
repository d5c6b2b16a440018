import { readFileSync, writeFileSync } from "node:fs";
import { directoryError } from "./directory-error.js";
import type { Layout } from "./layout.js";
import { findProcess } from "./process-status.js";
import { systemErrorCode } from "./system-error.js";

/** What a living postmaster says of itself in its postmaster.pid. */
export interface RunningPostmaster {
  readonly pid: number;
  readonly socketDirectory: string;
  readonly port: number;
  readonly status: "starting" | "ready" | "standby" | "stopping" | "unknown";
}

/** One past the largest process id of any supported system, so no process ever has it. */
const NO_PROCESS = 2 ** 31 - 1;

/**
 * The postmaster that runs on this data, if one does. The file alone proves
 * nothing: it survives kill -9, and its process id may since have gone to
 * another program (in a restarted container nearly always), so the command
 * line of the process must be the one the postmaster wrote down.
 *
 * @throws EmbeddedPostgresError NOT_USABLE when the data belongs to another account.
 */
export function findPostmaster(layout: Layout): RunningPostmaster | undefined {
  const lines = read(layout, layout.postmasterFile)?.split("\n");
  const pid = Number(lines?.[0]);
  if (lines === undefined || !Number.isInteger(pid) || pid <= 0) return undefined;
  const command = read(layout, layout.postmasterOptions)?.trim().replaceAll('"', "");
  if (command === undefined || findProcess(pid)?.command !== command) return undefined;
  return {
    pid,
    port: Number(lines[3]),
    socketDirectory: lines[4] ?? "",
    status: statusFrom(lines[7]),
  };
}

/**
 * Makes a left-over postmaster.pid name no process, so that Postgres does not
 * take a stranger with the same id for its predecessor. The rest stays:
 * Postgres checks by it that no orphaned backend still uses the shared memory.
 */
export function disownPostmasterFile(layout: Layout): void {
  const content = read(layout, layout.postmasterFile);
  if (content === undefined) return;
  const rest = content.indexOf("\n");
  writeFileSync(layout.postmasterFile, `${NO_PROCESS}${rest < 0 ? "\n" : content.slice(rest)}`);
}

function statusFrom(line: string | undefined): RunningPostmaster["status"] {
  const word = line?.trim();
  return word === "starting" || word === "ready" || word === "standby" || word === "stopping"
    ? word
    : "unknown";
}

function read(layout: Layout, path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw directoryError(layout, error);
  }
}
