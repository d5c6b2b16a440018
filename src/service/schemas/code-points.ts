/** A set of code points: ranges from the first to the last of each, in order, none touching the next. */
export type CodePoints = readonly (readonly [first: number, last: number])[];

const MAX_CODE_POINT = 0x10ffff;

/** The set of all that these ranges hold, in whatever order they come. */
export function codePoints(ranges: Iterable<readonly [number, number]>): CodePoints {
  const merged: [number, number][] = [];
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    const before = merged.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** All code points that are not in the set. */
export function complement(set: CodePoints): CodePoints {
  const ranges: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) ranges.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= MAX_CODE_POINT) ranges.push([next, MAX_CODE_POINT]);
  return ranges;
}

/** Code points by ranges whose text has no surrogate pair that is not one code point; `width` is UTF-16 units of each. */
const SECTIONS = [
  { first: 0, last: 0xd7ff, width: 1 },
  { first: 0xe000, last: 0xffff, width: 1 },
  { first: 0x10000, last: MAX_CODE_POINT, width: 2 },
] as const;
const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

/** Finds the set that a property of Unicode names, as `\p{L}` does, by asking the regular expressions of JavaScript. */
export type PropertyReader = (property: string) => CodePoints;

/** A reader that remembers the properties it has read: each takes a scan of all code points, some milliseconds. */
export function createPropertyReader(): PropertyReader {
  const known = new Map<string, CodePoints>();
  const texts: string[] = [];
  return (property) => {
    const earlier = known.get(property);
    if (earlier) return earlier;
    const ranges: [number, number][] = [];
    const runs = new RegExp(`${property}+`, "gu");
    for (const [i, section] of SECTIONS.entries()) {
      const { first, width } = section;
      texts[i] ??= textOf(section);
      for (const { index, 0: run } of texts[i].matchAll(runs)) {
        const from = first + index / width;
        ranges.push([from, from + run.length / width - 1]);
      }
    }
    const one = new RegExp(property, "u");
    for (let unit = FIRST_SURROGATE; unit <= LAST_SURROGATE; unit += 1) {
      if (one.test(String.fromCharCode(unit))) ranges.push([unit, unit]);
    }
    const set = codePoints(ranges);
    known.set(property, set);
    return set;
  };
}

/** All code points of a section, written unit by unit: concatenating them takes ten times as long. */
function textOf({ first, last, width }: (typeof SECTIONS)[number]): string {
  const units = new Uint16Array((last - first + 1) * width);
  let at = 0;
  for (let point = first; point <= last; point += 1) {
    const beyond = point - 0x10000;
    if (width === 2) units[at++] = 0xd800 | (beyond >> 10);
    units[at++] = width === 2 ? 0xdc00 | (beyond & 0x3ff) : point;
  }
  return Buffer.from(units.buffer).toString("utf16le");
}
