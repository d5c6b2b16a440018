import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FAILPOINTS, type Failpoint, type FailpointAction } from "../server/failpoints.js";
import type { Stage } from "../stage/stage.js";
import type { Fault } from "./fault.js";

const FIRES_WITHIN_MS = 5_000;
/** Told before it fires, so it is over a moment later. */
const GONE_WITHIN_MS = 3_000;

/** What happens at those where it is not always a kill. */
const ACTIONS: { readonly [P in Failpoint]?: readonly FailpointAction[] } = {
  "before-commit": ["kill", "kill", "stall"],
  "after-commit": ["kill", "kill", "stall"],
  "execute-then-timeout": ["fail"],
};

/** A server that fails between two steps of its own. */
export const failpointFaults: readonly Fault[] = FAILPOINTS.map((point) => ({
  name: point,
  weight: 2,
  ...(point === "in-drain" ? {} : { resumes: "server" }),
  async inject(stage, random) {
    const action = random.pick(ACTIONS[point] ?? (["kill"] as const));
    const ways = stage.servers.map((server) => stage.waysTo(server));
    // Those first that clients are connected to: another has nothing to come by with.
    const met = (index: number) => Math.min(ways[index]?.length ?? 0, 1);
    const order = random.shuffle([...stage.servers.keys()]).sort((a, b) => met(b) - met(a));
    for (const index of order) {
      const at = await fires(stage, index, point, action);
      if (at === undefined) continue;
      const harm = action === "kill" ? { at, ways: ways[index] ?? [] } : undefined;
      return { note: `server ${index}, ${action}`, harm };
    }
    return { note: "no server came by", isMissed: true };
  },
}));

/** Arms it and waits; resolves with when it fired. */
async function fires(
  stage: Stage,
  index: number,
  point: Failpoint,
  action: FailpointAction,
): Promise<number | undefined> {
  const server = stage.servers[index];
  const { pid } = server ?? {};
  const before = timesFired(stage, index, point).length;
  server?.send({ do: "arm", point, action });
  if (point === "in-drain") {
    // Armed by a message, drained by a signal, which may be faster.
    await delay(100);
    server?.kill("SIGTERM");
  }
  const until = Date.now() + FIRES_WITHIN_MS;
  while (Date.now() < until) {
    const at = timesFired(stage, index, point)[before];
    if (at !== undefined) {
      while (action === "kill" && server?.pid === pid && Date.now() < until + GONE_WITHIN_MS) await delay(20);
      return at;
    }
    await delay(20);
  }
  server?.send({ do: "disarm", point });
  return undefined;
}

/** When a server said that it came by the point. */
function timesFired(stage: Stage, index: number, point: Failpoint): number[] {
  const path = join(stage.directory, `server-${index}.jsonl`);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  // Noted before it fires, so the last line may be half there.
  const whole = lines.filter((line) => line.includes(`"point":"${point}"`) && line.endsWith("}"));
  return whole.map((line) => (JSON.parse(line) as { readonly t: number }).t);
}
