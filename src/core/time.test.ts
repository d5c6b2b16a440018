import fc from "fast-check";
import { expect, test } from "vitest";
import { microsFromText, textFromMicros } from "./time.js";

/** The years 1 to 9999. */
const micros = fc.oneof(
  fc.bigInt(-62_135_596_800_000_000n, 253_402_300_799_999_999n),
  fc.bigInt(0n, 2_000_000_000_000_000n),
);

test("a time is read to the microsecond, however Postgres writes it", () => {
  fc.assert(
    fc.property(micros, (time) => {
      const json = textFromMicros(time);
      const row = json.replace("T", " ").replace("Z", "+00");
      // Postgres leaves zeros at the end of a fraction out.
      const short = row.replace(/\.?0*\+00$/, "+00");
      for (const text of [json, json.replace("Z", "+00:00"), row, short])
        expect(microsFromText(text)).toBe(time);
    }),
  );
});

test("an offset from UTC is taken off", () => {
  expect(microsFromText("2026-11-22 23:09:56.123456+02")).toBe(
    microsFromText("2026-11-22 21:09:56.123456+00"),
  );
  expect(microsFromText("2026-11-22 15:39:56.123456-05:30")).toBe(
    microsFromText("2026-11-22 21:09:56.123456+00"),
  );
});

test.each(["", "infinity", "2026-11-22", "2026-11-22 21:09:5x.123456+00", "2026-11-22 21:0x:56.123456+00"])(
  "%j is refused",
  (text) => {
    expect(() => microsFromText(text)).toThrow(/expected a timestamptz/);
  },
);
