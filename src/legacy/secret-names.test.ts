import fc from "fast-check";
import { expect, test } from "vitest";
import { propertyRuns } from "../../test/support/property-runs.js";
import { holdsSecret, isSecretName } from "./secret-names.js";

/** The same by a regular expression, which takes quadratic time. */
function bySearching(raw: string): boolean {
  for (const match of raw.matchAll(/"((?:[^"\\]|\\.)*)"\s*:\s*(.)/gs)) {
    if (isSecretName(match[1] ?? "", match[2] ?? "")) return true;
  }
  return false;
}

const part = fc.constantFrom(
  '"',
  "\\",
  ":",
  " ",
  "\n",
  "\u2028",
  "1",
  "x",
  "token",
  "_hash",
  "{",
  ",",
  "null",
);

test("finds the names that a search by regular expression finds", () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 24 }), (parts) => {
      expect(holdsSecret(parts.join(""))).toBe(bySearching(parts.join("")));
    }),
    {
      numRuns: propertyRuns(5000),
      examples: [[['"', "token", '"', ":", "x"]], [['"', "\\", '"', "token", '"', ":", '"', "x", '"']]],
    },
  );
});

test.each([
  ['{"api_key":"x"}', true],
  ['{"a":{"Password" : "x"}}', true],
  ['{"tokens":12}', false],
  ['{"a":"token"}', false],
  ["token", false],
])("%s holds a secret: %s", (raw, expected) => {
  expect(holdsSecret(raw)).toBe(expected);
});

const MANY = 4_000_000;
test.each([
  ["quotes that are escaped", `"${'\\"'.repeat(MANY)}`],
  ["quotes that are escaped before white space", `"${'\\"'.repeat(MANY)}"${" ".repeat(MANY)}x`],
  ["quotes", '"'.repeat(MANY)],
  ["backslashes", `"${"\\".repeat(MANY)}`],
  ["white space", `"a"${" ".repeat(MANY)}`],
  ["white space after a colon", `"a":${" ".repeat(MANY)}`],
  ["a name", `"${"pass".repeat(MANY)}":1`],
  ["members", '"a":1,'.repeat(MANY)],
])("a value of many megabytes of %s is read in linear time", (_name, raw) => {
  // By trying at each quote anew this takes days: no machine is fast enough to pass, and none so slow as to fail.
  expect(holdsSecret(raw)).toBe(false);
});
