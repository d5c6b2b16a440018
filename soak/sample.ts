import { readdirSync, readFileSync } from "node:fs";
import { processMemory } from "../bench/support/process-memory.js";
import { backendsOf } from "../chaos/stage/postgres-processes.js";
import type { Stage } from "../chaos/stage/stage.js";

/** What is looked at of a process, by name: how much it holds of each. */
export type Figures = Readonly<Record<string, number>>;

/** All processes of the service at one moment. */
export interface Sample {
  readonly atMs: number;
  /** By name of the process. */
  readonly of: Readonly<Record<string, Figures>>;
  /** What keeps each server alive, by kind: the parts of its `handles`. */
  readonly resources: readonly Readonly<Record<string, number>>[];
}

/** Looks at every server, after it collected its garbage, and at Postgres. */
export async function takeSample(stage: Stage): Promise<Sample> {
  const of: Record<string, Figures> = {};
  const resources: Record<string, number>[] = [];
  for (const [i, server] of stage.servers.entries()) {
    const { heapMiB, externalMiB, resources: byKind, statements } = await server.measure();
    const pid = server.pid ?? 0;
    of[`server ${i}`] = {
      "heap MiB": heapMiB,
      "external MiB": externalMiB,
      "resident MiB": processMemory(pid).nowMiB,
      handles: Object.values(byKind).reduce((sum, n) => sum + n, 0),
      "open files": readdirSync(`/proc/${pid}/fd`).length,
      "prepared statements": statements,
    };
    resources.push(byKind);
  }
  const backends = backendsOf(stage.postmaster ?? 0);
  of["Postgres"] = {
    connections: backends.length,
    "own MiB a connection": backends.reduce((sum, pid) => sum + ownMiB(pid), 0) / backends.length,
  };
  return { atMs: performance.now(), of, resources };
}

/** What a process shares with no other; 0 of one that has ended. */
function ownMiB(pid: number): number {
  try {
    return Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  } catch {
    return 0;
  }
}
