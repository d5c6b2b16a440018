/** Milliseconds of the longest timer there is in Node. A longer one ends after a millisecond. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
