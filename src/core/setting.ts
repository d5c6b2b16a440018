import { parsePostgresHosts } from "./postgres-hosts.js";

/** One setting: where it is read from, what it is unless given, and why. */
export interface Setting<T> {
  /** The environment variable; see `optionOf` for the command line. */
  readonly env: string;
  /** What stands for its value in help: "PORT"; empty for a flag. */
  readonly placeholder: string;
  readonly fallback: T;
  /** What it does, its unit, and the reason for the default; shown by `holdfast serve --help`. */
  readonly about: string;
  readonly parse: (text: string) => T;
}

/**
 * Milliseconds of the longest duration: three weeks. Timers of Node end at once past 2^31 - 1, 24 days, and some run a
 * little longer than what was given.
 */
const LONGEST_MS = 21 * 24 * 60 * 60 * 1000;

export function text(env: string, placeholder: string, fallback: string, about: string): Setting<string> {
  return { env, placeholder, fallback, about, parse: (given) => given };
}

export function url(env: string, fallback: string, about: string): Setting<string> {
  const parse = (given: string) => {
    // What was given is not repeated: it may hold a password.
    if (!/^postgres(ql)?:\/\//.test(given)) {
      throw new RangeError("expected postgres://user:password@host:port/database");
    }
    parsePostgresHosts(given);
    return given;
  };
  return { env, placeholder: "URL", fallback, about, parse };
}

export function choice(
  env: string,
  fallback: string,
  among: readonly string[],
  about: string,
): Setting<string> {
  const parse = (given: string) => {
    if (among.includes(given)) return given;
    throw new RangeError(`expected one of ${among.join(", ")}, got ${JSON.stringify(given)}`);
  };
  return { env, placeholder: among.join("|"), fallback, about, parse };
}

/** @param least the smallest number that makes sense */
export function count(env: string, fallback: number, about: string, least = 0): Setting<number> {
  return { env, placeholder: "N", fallback, about, parse: (given) => wholeNumber(given, 2 ** 31 - 1, least) };
}

/** A duration that timers take. */
export function milliseconds(env: string, fallback: number, about: string): Setting<number> {
  const parse = (given: string) => wholeNumber(given, LONGEST_MS);
  return { env, placeholder: "MS", fallback, about, parse };
}

export function bytes(env: string, fallback: number, about: string): Setting<number> {
  return {
    env,
    placeholder: "N",
    fallback,
    about,
    parse: (given) => wholeNumber(given, Number.MAX_SAFE_INTEGER),
  };
}

export function port(env: string, fallback: number, about: string): Setting<number> {
  return { env, placeholder: "PORT", fallback, about, parse: (given) => wholeNumber(given, 65_535) };
}

export function flag(env: string, fallback: boolean, about: string): Setting<boolean> {
  const parse = (given: string) => {
    if (given === "true" || given === "1") return true;
    if (given === "false" || given === "0") return false;
    throw new RangeError(`expected true or false, got ${JSON.stringify(given)}`);
  };
  return { env, placeholder: "", fallback, about, parse };
}

/** A flag that is decided by what is found, unless it is given. */
export function autoFlag(env: string, about: string): Setting<boolean | "auto"> {
  const parse = (given: string) => {
    if (given === "auto") return given;
    if (given === "true" || given === "1") return true;
    if (given === "false" || given === "0") return false;
    throw new RangeError(`expected auto, true or false, got ${JSON.stringify(given)}`);
  };
  return { env, placeholder: "auto|true|false", fallback: "auto", about, parse };
}

function wholeNumber(given: string, most: number, least = 0): number {
  const value = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new RangeError(`expected a whole number from ${least} to ${most}, got ${JSON.stringify(given)}`);
}
