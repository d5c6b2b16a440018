import fc from "fast-check";
import { expect, test } from "vitest";
import { propertyRuns } from "../../../test/support/property-runs.js";
import { createPropertyReader } from "./code-points.js";
import { re2Syntax } from "./re2-syntax.js";
import { createSchemaPatterns } from "./schema-patterns.js";

const patterns = createSchemaPatterns();
const readProperty = createPropertyReader();

/** Texts that show what engines disagree about: ends of lines, spaces, digits and letters of others, surrogates. */
const TEXTS = [
  "",
  "a",
  "ab",
  "aab-1",
  "A_9",
  "a\n",
  "\na",
  "\r",
  "\u2028",
  "\u0000",
  "\b",
  "\v",
  "\u00a0",
  "\ufeff",
  "\u0663",
  "é",
  "ſ",
  "K",
  "Ω",
  "я",
  "日本",
  "😀",
  "a😀b",
  "\ud83d",
  "\ude00",
  "\ude00\ud83d",
  "-",
  "]",
  "^",
  "[",
  "\\",
  "/",
  "{1}",
  "2024-02-29T10:00:00Z",
  "x".repeat(50),
];

// Each is one that RE2 can express, with something the two may mean differently.
test.each([
  "^[a-z][a-z0-9_-]*$",
  "^\\d{4}-\\d{2}-\\d{2}T[\\d:]+Z$",
  "^.$",
  "^.*$",
  "a$",
  "^a|b$",
  "\\s",
  "^\\S+$",
  "[\\s\\d]",
  "^[^\\s]$",
  "^[\\W\\d]+$",
  "^[^\\W]$",
  "\\D",
  "\\w\\b",
  "^\\p{L}+$",
  "^\\p{Lu}",
  "\\P{L}",
  "^[\\p{L}\\p{N}_-]+$",
  "^[^\\p{ASCII}]$",
  "\\p{Script=Greek}",
  "\\p{Emoji_Presentation}",
  "\\p{Cs}",
  "^\\u{1F600}$",
  "^\\ud83d\\ude00$",
  "\\ud83d",
  "\\u{d83d}\\u{de00}",
  "^[\\ud83d\\ude00]$",
  "^[😀-😎]$",
  "^[]$",
  "^[^]$",
  "^[a\\]^\\-\\\\[]$",
  "^[--a]$",
  "^[a-]$",
  "[\\b]",
  "\\0",
  "\\cJ",
  "\\x41|\\u0061",
  "\\v|\\f|\\t|\\n|\\r",
  "\\/|\\{|\\.",
  "(?<year>\\d{4})-(?:02|03)",
  "^(?:a|)*?b",
  "^(a?){3}$",
  "^x{50}$",
  "^x{2,}?$",
  "",
  "()",
  "(?:^)*a",
  "^(a+)+$",
  "^$|^\\^$",
])("RE2 finds what JavaScript finds by %j", (source) => {
  expect(re2Syntax(source, readProperty)).toBeDefined();
  const native = new RegExp(source, "u");
  const found = TEXTS.filter((text) => patterns(source, "u").test(text));
  expect(found).toEqual(TEXTS.filter((text) => native.test(text)));
});

test("no place within a surrogate pair is one between characters", () => {
  // V8 finds one there.
  expect(patterns("\\B", "u").test("a😀b")).toBe(false);
  expect(["", "a", "ab", "-"].map((text) => patterns("\\B", "u").test(text))).toEqual([
    true,
    false,
    true,
    true,
  ]);
});

test("every code point is in a class of RE2 if and only if it is in that of JavaScript", () => {
  for (const source of ["^.$", "^\\s$", "^\\w$", "^\\D$", "^\\p{L}$", "^[^\\p{Nd}a-z]$", "^\\p{Emoji}$"]) {
    const pattern = patterns(source, "u");
    const native = new RegExp(source, "u");
    const differing: number[] = [];
    for (let point = 0; point <= 0x10ffff; point += point < 0x3000 ? 1 : 997) {
      const text = String.fromCodePoint(point);
      if (pattern.test(text) !== native.test(text)) differing.push(point);
    }
    expect(differing, source).toEqual([]);
  }
});

const character = fc.constantFrom("a", "b", "0", "-", " ", "\n", "é", "😀", "\ud83d", "\ude00");
const atom = fc.oneof(
  fc.constantFrom(
    "a",
    "b",
    "0",
    "😀",
    ".",
    "\\d",
    "\\W",
    "\\s",
    "\\p{L}",
    "[ab]",
    "[^a]",
    "[a-é]",
    "\\b",
    "^",
    "$",
  ),
);
const source = fc.letrec<{ term: string; pattern: string }>((tie) => ({
  term: fc.oneof(
    { depthSize: "small" },
    atom,
    fc
      .tuple(tie("pattern"), fc.constantFrom("", "*", "+?", "?", "{0,2}"))
      .map(([it, many]) => `(?:${it})${many}`),
    tie("pattern").map((it) => `(${it})`),
  ),
  pattern: fc.oneof(
    fc.array(tie("term"), { maxLength: 3 }).map((terms) => terms.join("")),
    fc.tuple(tie("term"), tie("term")).map(([one, other]) => `${one}|${other}`),
  ),
})).pattern;

test("RE2 finds what JavaScript finds by any pattern", () => {
  const texts = fc.array(
    fc.array(character, { maxLength: 6 }).map((all) => all.join("")),
    { maxLength: 8 },
  );
  const property = fc.property(source, texts, (pattern, all) => {
    const native = new RegExp(pattern, "u");
    for (const text of all) expect(patterns(pattern, "u").test(text)).toBe(native.test(text));
  });
  fc.assert(property, { numRuns: propertyRuns(200) });
});

test.each(["(a)\\1", "(?<a>x)\\k<a>", "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b"])(
  "%j is left to JavaScript",
  (source) => {
    expect(re2Syntax(source, readProperty)).toBeUndefined();
    for (const text of TEXTS)
      expect(patterns(source, "u").test(text)).toBe(new RegExp(source, "u").test(text));
  },
);

test("a pattern is told from another by its text, and one that is none is refused", () => {
  expect(String(patterns("a", "u"))).not.toBe(String(patterns("b", "u")));
  for (const source of ["(", "[b-a]", "\\Q", "a**", "(?P<n>a)", "{"]) {
    expect(() => patterns(source, "u")).toThrow(SyntaxError);
  }
});

test("a pattern that JavaScript takes for ever by is found in linear time", () => {
  expect(patterns("^(a+)+$", "u").test(`${"a".repeat(100_000)}!`)).toBe(false);
});
