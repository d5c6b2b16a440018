import type { OnProgress } from "../archive/progress.js";

/** How often progress is shown, in milliseconds; what takes less shows none. */
const INTERVAL_MS = 2000;

/** Says on standard error every now and then how far a long run is. */
export function progressLine(now: () => number = performance.now.bind(performance)): OnProgress {
  const started = now();
  let shown = started;
  return ({ what, rows }) => {
    const at = now();
    if (at - shown < INTERVAL_MS) return;
    shown = at;
    const rate = Math.round((rows * 1000) / (at - started));
    process.stderr.write(`… ${what}: ${rows} rows, ${rate} a second\n`);
  };
}
