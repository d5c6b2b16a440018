import fc from "fast-check";
import { hostileCases, mangledCases } from "./cases.js";
import type { FuzzRun } from "./fuzz-run.js";
import { prepareTenant } from "./prepare-tenant.js";
import { type Finding, runCases } from "./run-cases.js";
import { methods } from "./services.js";

/** Calls of each method in a round; some of them mangled. */
const HOSTILE = 30;
const MANGLED = 10;
const PER_ROUND = methods.length * (HOSTILE + MANGLED);
/** Rounds under way at once, each as a tenant of its own: while one waits for its last slow call others go on. */
const ROUNDS_AT_ONCE = 4;

/** A defect, and the seed of a run that makes its messages first of all. */
export interface SeededFinding extends Finding {
  readonly seed: number;
}

/** Calls every method in turn, as a new tenant each round, until so many calls are made. */
export async function fuzzRpcs({ target, cases, seed, say }: FuzzRun): Promise<readonly SeededFinding[]> {
  const findings = new Map<string, SeededFinding>();
  const rounds = Array.from({ length: Math.ceil(cases / PER_ROUND) }, (_, round) => round).values();
  let made = 0;
  // They share the rounds: whoever is done with one takes the next.
  const work = async () => {
    for (const round of rounds) {
      const count = Math.min(PER_ROUND, cases - round * PER_ROUND);
      for (const [kind, finding] of await fuzzRound(target, count, seed + round)) {
        if (!findings.has(kind)) findings.set(kind, finding);
      }
      made += count;
      say(`${made} calls, ${findings.size} findings, server at ${target.memory()} MiB`);
    }
  };
  await Promise.all(Array.from({ length: ROUNDS_AT_ONCE }, work));
  return [...findings.values()];
}

/** So many calls as one tenant; the findings by their kind. */
async function fuzzRound(
  { address, underWay }: FuzzRun["target"],
  count: number,
  seed: number,
): Promise<ReadonlyMap<string, SeededFinding>> {
  const findings = new Map<string, SeededFinding>();
  const { rpc, texts } = await prepareTenant(address);
  try {
    for (let made = 0, i = 0; made < count; i++) {
      const method = methods[i] as (typeof methods)[number];
      const chosen = [
        ...fc.sample(hostileCases(method, texts), { numRuns: HOSTILE, seed }),
        ...fc.sample(mangledCases(method, texts), { numRuns: MANGLED, seed }),
      ].slice(0, count - made);
      for (const [kind, finding] of await runCases(rpc, method, chosen, underWay)) {
        findings.set(`${method.name} ${kind}`, { ...finding, seed });
      }
      made += chosen.length;
    }
  } finally {
    rpc.close();
  }
  return findings;
}
