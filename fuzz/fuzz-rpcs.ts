import fc from "fast-check";
import { hostileCases, mangledCases } from "./cases.js";
import type { FuzzRun } from "./fuzz-run.js";
import { prepareTenant } from "./prepare-tenant.js";
import { type Finding, runCases } from "./run-cases.js";
import { methods } from "./services.js";

/** Calls of each method before the next one's turn; some of them mangled. */
const HOSTILE_AT_ONCE = 75;
const MANGLED_AT_ONCE = 25;

/** Calls every method in turn, as a new tenant each round, until so many calls are made. */
export async function fuzzRpcs({ target, cases, seed, say }: FuzzRun): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let made = 0;
  for (let round = 0; made < cases; round += 1) {
    const tenant = await prepareTenant(target.address);
    try {
      for (const method of methods) {
        if (made >= cases) break;
        const texts = tenant.texts;
        const chosen = [
          ...fc.sample(hostileCases(method, texts), { numRuns: HOSTILE_AT_ONCE, seed: seed + round }),
          ...fc.sample(mangledCases(method, texts), { numRuns: MANGLED_AT_ONCE, seed: seed + round }),
        ].slice(0, cases - made);
        findings.push(...(await runCases(tenant.rpc, method, chosen)));
        made += chosen.length;
      }
    } finally {
      tenant.rpc.close();
    }
    say(`${made} calls, ${findings.length} findings, server at ${target.memory()} MiB`);
  }
  return findings;
}
