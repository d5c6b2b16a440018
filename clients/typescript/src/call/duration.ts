import { HoldfastError } from "../holdfast-error.js";
import { EncodeError } from "../wire/encode-error.js";

/** The longest wait of a Node timer, about 25 days. Node waits 1 ms where it is given more. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The longest google.protobuf.Duration, as its definition says. */
const LONGEST_DURATION_MS = 315_576_000_000 * 1000;

/**
 * A length of time that a user gave, in milliseconds. Infinity is one: never.
 *
 * @param option its name, for the error
 * @param least the shortest that makes sense
 * @throws HoldfastError INVALID_ARGUMENT for anything else: NaN, less than `least`, what is no number
 */
export function durationMs(option: string, given: unknown, least: number): number {
  if (typeof given === "number" && given >= least) return given;
  throw invalidOption(option, `a number of milliseconds, at least ${least}`, given);
}

/**
 * A number of things that a user gave. Infinity is one: no limit.
 *
 * @throws HoldfastError INVALID_ARGUMENT for anything else: NaN, a fraction, less than 1, what is no number
 */
export function countOf(option: string, given: unknown): number {
  if (typeof given === "number" && given >= 1 && (Number.isInteger(given) || given === Infinity))
    return given;
  throw invalidOption(option, "a whole number, at least 1", given);
}

/** A length of time as a timer can wait for it: what is longer than {@link LONGEST_TIMER_MS} waits so long. */
export function timerMs(ms: number): number {
  return Math.min(ms, LONGEST_TIMER_MS);
}

/**
 * A google.protobuf.Duration to send, of milliseconds that a user gave; undefined stays so.
 *
 * @throws HoldfastError INVALID_ARGUMENT for what is no length of time
 */
export function durationFromMs(
  option: string,
  given: unknown,
): { readonly seconds: bigint; readonly nanos: number } | undefined {
  if (given === undefined) return undefined;
  const ms = durationMs(option, given, 0);
  if (ms > LONGEST_DURATION_MS) throw invalidOption(option, "at most 10,000 years in milliseconds", given);
  const seconds = Math.trunc(ms / 1000);
  const nanos = Math.round((ms - seconds * 1000) * 1_000_000);
  // A fraction just below a second rounds up to a whole one.
  return nanos < 1_000_000_000
    ? { seconds: BigInt(seconds), nanos }
    : { seconds: BigInt(seconds + 1), nanos: 0 };
}

/** The error of an option that makes no sense. */
export function invalidOption(option: string, expected: string, given: unknown): HoldfastError {
  const shown = typeof given === "string" ? JSON.stringify(given) : String(given);
  return HoldfastError.from(new EncodeError(option, `expected ${expected}, got ${shown}`));
}
