import { cancelled } from "../holdfast-error.js";

/**
 * Waits, or until `sooner` calls what it is given; that answers how to end its listening. Throws CANCELLED when the
 * signal fires first.
 */
export function delay(
  ms: number,
  signal?: AbortSignal,
  sooner: (goOn: () => void) => () => void = () => () => {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled(signal));
    const end = () => {
      clearTimeout(timer);
      forget();
      signal?.removeEventListener("abort", onAbort);
    };
    const goOn = () => {
      end();
      resolve();
    };
    const onAbort = () => {
      end();
      reject(cancelled(signal as AbortSignal));
    };
    const timer = setTimeout(goOn, ms);
    const forget = sooner(goOn);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
