import type { OnProgress } from "../archive/progress.js";
import type { OutputStream } from "./output.js";

/** How often progress is shown, in milliseconds; what takes less shows none. */
const INTERVAL_MS = 2000;

/** Says every now and then how far a long run is. */
export function progressLine(stderr: OutputStream): OnProgress {
  const started = performance.now();
  let shown = started;
  return ({ what, rows }) => {
    const at = performance.now();
    if (at - shown < INTERVAL_MS) return;
    shown = at;
    const rate = Math.round((rows * 1000) / (at - started));
    stderr.write(`… ${what}: ${rows} rows, ${rate} a second\n`);
  };
}
