/** When to stop however little was done, as a multiple of what a measurement takes. */
const LONGEST = 4;

/**
 * Repeats a measurement, unmeasured, until so much was done: what is compiled
 * as it runs is compiled after so many calls, not after so many seconds, which
 * a busy machine gives to others.
 *
 * @param seconds how long each measurement is to run
 */
export async function warmUp(
  seconds: number,
  enough: number,
  measure: (seconds: number) => Promise<number>,
): Promise<void> {
  const step = Math.min(1, seconds);
  let done = 0;
  for (let spent = 0; done < enough && spent < LONGEST * seconds; spent += step) done += await measure(step);
}
