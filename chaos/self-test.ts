import { rmSync } from "node:fs";
import { join } from "node:path";
import { chooseFaults } from "./faults/faults.js";
import { judge } from "./judge.js";
import { run } from "./run.js";
import type { Bug } from "./server/bugs/bug.js";

/** How long faults are injected, run after run, until a bug has shown: on a machine of its own the first will do. */
const SECONDS = [6, 20, 60];
const PER_SECOND = 1000;

/** Puts each classic bug into the servers and runs: the validator of what it breaks must say so. Returns the exit code. */
export async function testHarness(
  bugs: readonly Bug[],
  directory: string,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<number> {
  let missed = 0;
  for (const bug of bugs) {
    if (signal.aborted) return 1;
    let found: string[] = [];
    for (const seconds of SECONDS) {
      found = await findBug(bug, join(directory, `bug-${bug.name}`), seconds, signal);
      if (found.includes(bug.breaks)) break;
    }
    const isFound = found.includes(bug.breaks);
    if (!isFound) missed += 1;
    const others = found.filter((name) => name !== bug.breaks);
    const also = others.length > 0 ? `, also ${others.join(", ")}` : "";
    say(`${isFound ? "found " : "MISSED"}  ${bug.name}: ${isFound ? bug.breaks : "nothing"}${also}`);
  }
  say(missed === 0 ? `all ${bugs.length} bugs were found` : `${missed} of ${bugs.length} bugs were missed`);
  return missed === 0 ? 0 : 1;
}

/** The guarantees that a run with this bug is found to break. */
async function findBug(bug: Bug, directory: string, seconds: number, signal: AbortSignal): Promise<string[]> {
  rmSync(directory, { recursive: true, force: true });
  const faults = chooseFaults(bug.faults);
  const options = { directory, seconds, seed: 1, faults, perSecond: PER_SECOND, bug, signal };
  const { stage } = await run({ ...options, say: () => {} });
  const { violations } = await judge(stage, () => {}).finally(() => stage.close());
  rmSync(directory, { recursive: true, force: true });
  return [...new Set(violations.map(({ guarantee }) => guarantee))];
}
