import { rmSync } from "node:fs";
import { join } from "node:path";
import { leaky } from "../chaos/server/leaky.js";
import { judgeCourses } from "./judge.js";
import { soak } from "./run.js";

const SECONDS = 25;
const PER_SECOND = 100;
/** What a leaky server holds ever more of. */
const LOST = ["heap MiB", "external MiB", "handles", "open files"];

/** Soaks servers that lose a little of everything: each figure it is lost in must say so. Returns the exit code. */
export async function testSoak(
  directory: string,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const at = join(directory, leaky.name);
  rmSync(at, { recursive: true, force: true });
  const options = { directory: at, seconds: SECONDS, seed: 1, perSecond: PER_SECOND, alteration: leaky };
  const { stage, ...soaked } = await soak({ ...options, say, signal });
  await stage.close();
  rmSync(at, { recursive: true, force: true });
  const leaking = judgeCourses(soaked).filter(({ leak }) => leak !== undefined);
  const missed = LOST.filter((figure) => !leaking.some((course) => course.figure === figure));
  for (const { process, figure, leak } of leaking) say(`found  ${process}: ${figure} ${leak}`);
  for (const figure of missed) say(`MISSED  ${figure}`);
  return missed.length === 0 ? 0 : 1;
}
