/** A step of warming up, and when to stop however little was done, both in seconds. */
const STEP_SECONDS = 1;
const LONGEST_SECONDS = 20;

/**
 * Repeats a measurement, unmeasured, until so much was done: what is compiled
 * as it runs is compiled after so many calls, not after so many seconds, which
 * a busy machine gives to others.
 */
export async function warmUp(measure: (seconds: number) => Promise<number>, enough: number): Promise<void> {
  let done = 0;
  for (let seconds = 0; done < enough && seconds < LONGEST_SECONDS; seconds += STEP_SECONDS) {
    done += await measure(STEP_SECONDS);
  }
}
