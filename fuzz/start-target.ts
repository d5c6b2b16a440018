import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { processMemory } from "../bench/support/process-memory.js";
import { serverDefect } from "../chaos/checks/server-log.js";
import { startEmbeddedPostgres } from "../src/postgres/start-embedded-postgres.js";
import type { Address } from "../src/rpc/bind.js";
import { UnderWay } from "./under-way.js";

/** A server in a process of its own with a Postgres of its own. */
export interface FuzzTarget {
  readonly address: Address;
  /** What is done to it, for the log that tells of a defect later. */
  readonly underWay: UnderWay;
  /** Resident memory in MiB, NaN where there is no /proc. @throws once the server has ended */
  memory(): number;
  /** Stops it, removes its data, and gives every error that it logged, and each time its event loop was held. */
  close(): Promise<readonly string[]>;
}

const ADDRESS = /gRPC\s+(\S+):(\d+)/;
/** Nothing of a run outlives it, and nobody pulls the plug: waiting for the disk would only make it longer. */
const SETTINGS = { fsync: "off", full_page_writes: "off" };
const PROGRAM = fileURLToPath(new URL("../bundle/bin.js", import.meta.url));

/** Of pino. */
const ERROR_LEVEL = 50;

/** @param signal ends the start */
export async function startTarget(signal: AbortSignal): Promise<FuzzTarget> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-fuzz-"));
  const logger = pino({ level: "silent" });
  const postgres = await startEmbeddedPostgres({ directory, logger, settings: SETTINGS, signal });
  const options = ["--grpc-port", "0", "--http-port", "0", "--log-level", "warn"];
  const imports = join(directory, "imports");
  const child = spawn(process.execPath, [PROGRAM, "serve", ...options, "--imports", imports], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, DATABASE_URL: postgres.url },
  });
  const exited = once(child, "exit");
  const complaints: string[] = [];
  const underWay = new UnderWay();
  // The same defect is told once.
  const told = new Set<string>();
  createInterface({ input: child.stderr }).on("line", (line) => {
    const defect = serverDefect(line);
    if (defect !== undefined && !told.has(defect))
      complaints.push(`${defect}; under way: ${underWay.describe()}`);
    if (defect !== undefined) told.add(defect);
    else if (!isWarning(line)) complaints.push(line);
  });
  const lines = createInterface({ input: child.stdout });
  const address = await new Promise<Address>((resolve, reject) => {
    lines.on("line", (line) => {
      const [, host, port] = ADDRESS.exec(line) ?? [];
      if (host !== undefined) resolve({ host, port: Number(port) });
    });
    void exited.then(() => reject(new Error(`the server ended:\n${complaints.join("\n")}`)));
  }).catch(async (error: unknown) => {
    await postgres.close();
    throw error;
  });
  let stopping = false;
  let closed: Promise<readonly string[]> | undefined;
  void exited.then(([code, signal]) => {
    if (!stopping) complaints.push(`the server ended by itself: ${code ?? signal}`);
  });
  const close = async () => {
    stopping = true;
    child.kill("SIGTERM");
    await exited;
    await postgres.close();
    await rm(directory, { recursive: true, force: true });
    return complaints;
  };
  return {
    address,
    underWay,
    memory() {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(complaints.join("\n"));
      return Math.round(processMemory(child.pid ?? 0).nowMiB);
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}

/** Whether a line is a warning of the server's log: refused callers, slow reads and the like are no defects. */
function isWarning(line: string): boolean {
  try {
    return JSON.parse(line).level < ERROR_LEVEL;
  } catch {
    return false;
  }
}
