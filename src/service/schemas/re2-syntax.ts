import { type CodePoints, codePoints, complement, type PropertyReader } from "./code-points.js";

/**
 * A regular expression of JavaScript (flag `u`, and no other) in the syntax of RE2, finding the same texts.
 * Every character and class is written out as code points, so that nothing depends on what RE2 means by `.`, `\s` or
 * `\p{L}`, which differs.
 *
 * @param pattern that `new RegExp(pattern, "u")` takes
 * @returns undefined where RE2 has no such thing: backreferences, lookarounds, flags within the pattern
 */
export function re2Syntax(pattern: string, readProperty: PropertyReader): string | undefined {
  const reader = new PatternReader(pattern, readProperty);
  let re2 = "";
  while (!reader.isAtEnd) {
    const term = reader.term();
    if (term === undefined) return undefined;
    re2 += term;
  }
  return re2;
}

const LINE_ENDS: CodePoints = codePoints([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]);
const CLASS_ESCAPES: Readonly<Record<string, CodePoints>> = {
  d: [[0x30, 0x39]],
  w: [
    [0x30, 0x39],
    [0x41, 0x5a],
    [0x5f, 0x5f],
    [0x61, 0x7a],
  ],
  // WhiteSpace and LineTerminator of ECMAScript.
  s: codePoints([
    [0x09, 0x0d],
    [0x20, 0x20],
    [0xa0, 0xa0],
    [0x1680, 0x1680],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
    [0x202f, 0x202f],
    [0x205f, 0x205f],
    [0x3000, 0x3000],
    [0xfeff, 0xfeff],
  ]),
};
const CONTROL_ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, "0": 0 };

const QUANTIFIER = /\{\d+(?:,\d*)?\}/y;
const GROUP = /\((?:\?:|\?<(?![=!])[^>]*>|(?!\?))/y;
const PROPERTY = /[pP]\{[^}]*\}/y;
const CLASS_ESCAPE = /[dDwWsS]/y;
const HEX_ESCAPE =
  /x([\da-fA-F]{2})|u\{([\da-fA-F]+)\}|u([dD][89abAB][\da-fA-F]{2})\\u([dD][c-fC-F][\da-fA-F]{2})|u([\da-fA-F]{4})/y;
const CONTROL_LETTER = /c([A-Za-z])/y;

class PatternReader {
  readonly #pattern: string;
  readonly #readProperty: PropertyReader;
  #at = 0;

  constructor(pattern: string, readProperty: PropertyReader) {
    this.#pattern = pattern;
    this.#readProperty = readProperty;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#pattern.length;
  }

  /** The next character, class, assertion, quantifier, bracket or bar; undefined if RE2 has none like it. */
  term(): string | undefined {
    switch (this.#pattern[this.#at]) {
      case "^":
      case "$":
      case "|":
      case ")":
      case "*":
      case "+":
      case "?":
        return this.#next();
      case "{":
        return this.#take(QUANTIFIER)?.[0];
      case "(":
        // What a group captured is of no interest to a test.
        return this.#take(GROUP) && "(?:";
      case ".":
        this.#next();
        return classOf(complement(LINE_ENDS));
      case "[":
        return this.#class();
      case "\\":
        return this.#escape();
      default:
        return classOf(single(this.#codePoint()));
    }
  }

  #escape(): string | undefined {
    this.#next();
    if (/[bB]/.test(this.#peek())) return `\\${this.#next()}`;
    if (/[1-9k]/.test(this.#peek())) return undefined;
    return classOf(this.#classEscape() ?? single(this.#character()));
  }

  #class(): string {
    this.#next();
    const isNegated = this.#peek() === "^";
    if (isNegated) this.#next();
    const ranges: (readonly [number, number])[] = [];
    while (this.#peek() !== "]") {
      const set = this.#classAtom();
      if (typeof set !== "number") {
        ranges.push(...set);
        continue;
      }
      const isRange = this.#peek() === "-" && this.#pattern[this.#at + 1] !== "]";
      if (isRange) this.#next();
      ranges.push([set, isRange ? (this.#classAtom() as number) : set]);
    }
    this.#next();
    const set = codePoints(ranges);
    return classOf(isNegated ? complement(set) : set);
  }

  /** A code point, which may begin or end a range, or a set of them. */
  #classAtom(): CodePoints | number {
    if (this.#peek() !== "\\") return this.#codePoint();
    this.#next();
    if (this.#peek() === "b") {
      this.#next();
      return 0x08;
    }
    return this.#classEscape() ?? this.#character();
  }

  #classEscape(): CodePoints | undefined {
    const property = this.#take(PROPERTY);
    if (property) return this.#readProperty(`\\${property[0]}`);
    const letter = this.#take(CLASS_ESCAPE)?.[0];
    if (letter === undefined) return undefined;
    const set = CLASS_ESCAPES[letter.toLowerCase()] ?? [];
    return letter === letter.toLowerCase() ? set : complement(set);
  }

  /** The code point of an escape that stands for one. */
  #character(): number {
    const hex = this.#take(HEX_ESCAPE);
    if (hex) {
      const [, byte, braced, high, low, unit] = hex;
      if (high && low) return String.fromCharCode(parseInt(high, 16), parseInt(low, 16)).codePointAt(0) ?? 0;
      return parseInt(byte ?? braced ?? unit ?? "", 16);
    }
    const letter = this.#take(CONTROL_LETTER)?.[1];
    if (letter !== undefined) return letter.charCodeAt(0) % 32;
    const control = CONTROL_ESCAPES[this.#peek()];
    const itself = this.#codePoint();
    return control ?? itself;
  }

  #codePoint(): number {
    const point = this.#pattern.codePointAt(this.#at) ?? 0;
    this.#at += point > 0xffff ? 2 : 1;
    return point;
  }

  #peek(): string {
    return this.#pattern[this.#at] ?? "";
  }

  #next(): string {
    this.#at += 1;
    return this.#pattern[this.#at - 1] ?? "";
  }

  #take(what: RegExp): RegExpExecArray | undefined {
    what.lastIndex = this.#at;
    const found = what.exec(this.#pattern);
    if (!found) return undefined;
    this.#at = what.lastIndex;
    return found;
  }
}

function single(point: number): CodePoints {
  return [[point, point]];
}

function classOf(set: CodePoints): string {
  // RE2 has no class of nothing but the opposite of everything.
  if (set.length === 0) return "[^\\x{0}-\\x{10FFFF}]";
  const ranges = set.map(([first, last]) => (first === last ? hex(first) : `${hex(first)}-${hex(last)}`));
  return `[${ranges.join("")}]`;
}

function hex(point: number): string {
  return `\\x{${point.toString(16)}}`;
}
