import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes: less than this may still be freed. */
const NOTHING_MUCH = 64 * 1024;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes of this process that cannot be freed: its heap and the buffers outside it. */
export function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The same once what was in use a moment ago is let go: buffers go with the collection after the one that found them. */
export async function heldBytesAtRest(): Promise<number> {
  for (let held = heldBytes(); ; ) {
    await delay(100);
    const now = heldBytes();
    if (now > held - NOTHING_MUCH) return now;
    held = now;
  }
}
