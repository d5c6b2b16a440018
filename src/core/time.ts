import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

const MICROS_PER_SECOND = 1_000_000n;
const TEXT =
  /^(\d{4,6})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?:([+-])(\d{2})(?::?(\d{2}))?|Z)$/;

/** The first and last second google.protobuf.Timestamp allows: years 1 to 9999. */
const MIN_TIMESTAMP_SECONDS = -62_135_596_800n;
const MAX_TIMESTAMP_SECONDS = 253_402_300_799n;

/** Whether it is a time that Timestamp allows and Postgres can keep. */
export function isTimestampInRange({ seconds, nanos }: Timestamp): boolean {
  return (
    seconds >= MIN_TIMESTAMP_SECONDS && seconds <= MAX_TIMESTAMP_SECONDS && nanos >= 0 && nanos <= 999_999_999
  );
}

/** Microseconds since 1970, what Postgres keeps; nanoseconds below are cut off. */
export function microsFromTimestamp(timestamp: Timestamp): bigint {
  return timestamp.seconds * MICROS_PER_SECOND + BigInt(Math.floor(timestamp.nanos / 1000));
}

export function timestampFromMicros(micros: bigint): Timestamp {
  let seconds = micros / MICROS_PER_SECOND;
  let rest = micros % MICROS_PER_SECOND;
  if (rest < 0n) {
    seconds -= 1n;
    rest += MICROS_PER_SECOND;
  }
  return create(TimestampSchema, { seconds, nanos: Number(rest) * 1000 });
}

/** Microseconds since 1970 from a `timestamptz` as Postgres writes it, in a row or in JSON. */
export function microsFromText(text: string): bigint {
  return usualMicros(text) ?? anyMicros(text);
}

/** What most look like: UTC, with a fraction of a second, of a year that Date.UTC takes as it is. */
const USUAL_LENGTH = "2026-11-22 21:09:56.123456+00".length;
const ZERO = 0x30;

/** Undefined for what does not look so: two of each row read, and matching them takes three times as long. */
function usualMicros(text: string): bigint | undefined {
  if (text.length !== USUAL_LENGTH || !text.endsWith("+00") || text.charCodeAt(19) !== 0x2e) return undefined;
  const at = (from: number, length: number): number => {
    let value = 0;
    for (let i = from; i < from + length; i++) {
      const digit = text.charCodeAt(i) - ZERO;
      value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN;
    }
    return value;
  };
  const year = at(0, 4);
  const millis = Date.UTC(year, at(5, 2) - 1, at(8, 2), at(11, 2), at(14, 2), at(17, 2), at(20, 3));
  const micros = millis * 1000 + at(23, 3);
  // Neither what is no time at all nor what a number does not hold exactly.
  return year >= 100 && Number.isSafeInteger(micros) ? BigInt(micros) : undefined;
}

function anyMicros(text: string): bigint {
  const match = TEXT.exec(text);
  if (!match) throw new RangeError(`expected a timestamptz as Postgres writes it, got ${text}`);
  const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHour, offsetMinute = "0"] =
    match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  const offsetMinutes = sign ? (sign === "-" ? -1 : 1) * (Number(offsetHour) * 60 + Number(offsetMinute)) : 0;
  const millis = BigInt(date.getTime() - offsetMinutes * 60_000);
  return millis * 1000n + BigInt(fraction.padEnd(6, "0"));
}

/** A time in the years 1 to 9999 as RFC 3339 has it, to the microsecond and in UTC; `microsFromText` reads it. */
export function textFromMicros(micros: bigint): string {
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  const millis = (micros - rest) / 1000n;
  return new Date(Number(millis)).toISOString().replace("Z", `${String(rest).padStart(3, "0")}Z`);
}

/** Microseconds since 1970 of this machine's clock. */
export function nowMicros(): bigint {
  return BigInt(Date.now()) * 1000n;
}
