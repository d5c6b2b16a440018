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

export function text(env: string, placeholder: string, fallback: string, about: string): Setting<string> {
  return { env, placeholder, fallback, about, parse: (given) => given };
}

export function url(env: string, fallback: string, about: string): Setting<string> {
  const parse = (given: string) => {
    if (/^postgres(ql)?:\/\//.test(given)) return given;
    // What was given is not repeated: it may hold a password.
    throw new RangeError("expected postgres://user:password@host:port/database");
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

export function count(env: string, fallback: number, about: string): Setting<number> {
  return { env, placeholder: "N", fallback, about, parse: (given) => wholeNumber(given, 2 ** 31 - 1) };
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

function wholeNumber(given: string, most: number): number {
  const value = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (value <= most) return value;
  throw new RangeError(`expected a whole number from 0 to ${most}, got ${JSON.stringify(given)}`);
}
