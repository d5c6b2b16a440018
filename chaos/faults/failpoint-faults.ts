import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FAILPOINTS, type Failpoint, type FailpointAction } from "../server/failpoints.js";
import type { Stage } from "../stage/stage.js";
import type { Fault } from "./fault.js";

const FIRES_WITHIN_MS = 8_000;

/** A server that fails between two steps of its own. */
export const failpointFaults: readonly Fault[] = FAILPOINTS.map((point) => ({
  name: point,
  weight: 2,
  ...(point === "execute-then-timeout" || point === "in-drain" ? {} : { resumes: "server" }),
  async inject(stage, random) {
    const action = random.pick<FailpointAction>(
      point.endsWith("-commit") ? ["kill", "kill", "stall"] : ["kill"],
    );
    // One that clients have all moved away from may not come by: then the other does.
    for (const index of random.shuffle([...stage.servers.keys()])) {
      if (await fires(stage, index, point, action)) return `server ${index}, ${action}`;
    }
    return "no server came by";
  },
}));

async function fires(
  stage: Stage,
  index: number,
  point: Failpoint,
  action: FailpointAction,
): Promise<boolean> {
  const server = stage.servers[index];
  const before = firedCount(stage, index, point);
  server?.send({ do: "arm", point, action });
  if (point === "in-drain") {
    // Armed by a message, drained by a signal, which may be faster.
    await delay(100);
    server?.kill("SIGTERM");
  }
  const until = Date.now() + FIRES_WITHIN_MS;
  while (Date.now() < until) {
    if (firedCount(stage, index, point) > before) return true;
    await delay(20);
  }
  server?.send({ do: "disarm", point });
  return false;
}

function firedCount(stage: Stage, index: number, point: Failpoint): number {
  const path = join(stage.directory, `server-${index}.jsonl`);
  if (!existsSync(path)) return 0;
  return readFileSync(path, "utf8").split(`"point":"${point}"`).length - 1;
}
