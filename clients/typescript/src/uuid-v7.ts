import { randomFillSync } from "node:crypto";

const RANDOM_POOL_BYTES = 4096;
const COUNTER_MAX = 0xfff;
const DIGITS = Buffer.from("0123456789abcdef");
// Where the digits of the counter and of the random bits stand in xxxxxxxx-xxxx-7ccc-rrrr-rrrrrrrrrrrr.
const COUNTER_AT = 15;
const VARIANT_AT = 19;
const RANDOM_AT = [20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35];

/**
 * A source of UUIDs of version 7 (RFC 9562), increasing within the source: milliseconds, a counter in the
 * twelve bits of rand_a, and 62 random bits.
 */
export function createUuidV7Source(now: () => number = Date.now): () => string {
  const text = Buffer.from("00000000-0000-7000-0000-000000000000");
  const random = Buffer.allocUnsafe(RANDOM_POOL_BYTES);
  let used = RANDOM_POOL_BYTES;
  let lastMs = -1;
  let counter = 0;
  const putDigit = (at: number, value: number): void => {
    text[at] = DIGITS[value & 0xf] as number;
  };
  return () => {
    const ms = now();
    if (ms > lastMs || counter === COUNTER_MAX) {
      // A full counter borrows the next millisecond, as section 6.2 allows.
      lastMs = Math.max(ms, lastMs + 1);
      counter = 0;
      const time = lastMs.toString(16).padStart(12, "0");
      text.write(time.slice(0, 8), 0, "latin1");
      text.write(time.slice(8), 9, "latin1");
    } else {
      counter++;
    }
    putDigit(COUNTER_AT, counter >> 8);
    putDigit(COUNTER_AT + 1, counter >> 4);
    putDigit(COUNTER_AT + 2, counter);
    if (used + 8 > RANDOM_POOL_BYTES) {
      randomFillSync(random);
      used = 0;
    }
    // Two 32-bit draws: seven digits of each and the variant's two bits; one digit more from the second.
    const high = random.readUInt32LE(used);
    const low = random.readUInt32LE(used + 4);
    used += 8;
    putDigit(VARIANT_AT, 0x8 | (high >>> 30));
    for (let i = 0; i < 7; i++) putDigit(RANDOM_AT[i] as number, high >>> (i * 4));
    for (let i = 0; i < 8; i++) putDigit(RANDOM_AT[i + 7] as number, low >>> (i * 4));
    return text.toString("latin1");
  };
}
