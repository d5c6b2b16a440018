const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = "\\".charCodeAt(0);
const COMMA = ",".charCodeAt(0);
const COLON = ":".charCodeAt(0);
const OPENING = new Set(["[", "{"].map((char) => char.charCodeAt(0)));
const CLOSING = new Set(["]", "}"].map((char) => char.charCodeAt(0)));
const SPACE = new Set([" ", "\n", "\r", "\t"].map((char) => char.charCodeAt(0)));

/**
 * The elements of a JSON array, each as the very bytes it was written in:
 * parsing and writing again would lose `\u` escapes, spacing and long numbers.
 *
 * @param json valid JSON in UTF-8
 */
export function arrayElements(json: Buffer): readonly Buffer[] {
  return parts(json).map(({ value }) => value);
}

/** The members of a JSON object by name, each value as the very bytes it was written in. */
export function objectMembers(json: Buffer): ReadonlyMap<string, Buffer> {
  return new Map(parts(json).map(({ name, value }) => [name, value]));
}

/** The parts between the outermost brackets. */
function parts(json: Buffer): { name: string; value: Buffer }[] {
  const found: { name: string; value: Buffer }[] = [];
  let depth = 0;
  let start = 0;
  let name = "";
  const end = (at: number) => {
    const value = trimmed(json, start, at);
    if (value.length > 0) found.push({ name, value });
    start = at + 1;
  };
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] as number;
    if (byte === QUOTE) {
      at = closingQuote(json, at);
    } else if (OPENING.has(byte)) {
      depth += 1;
      if (depth === 1) start = at + 1;
    } else if (CLOSING.has(byte)) {
      if (depth === 1) end(at);
      depth -= 1;
    } else if (depth === 1 && byte === COMMA) {
      end(at);
    } else if (depth === 1 && byte === COLON) {
      name = JSON.parse(trimmed(json, start, at).toString());
      start = at + 1;
    }
  }
  return found;
}

function closingQuote(json: Buffer, from: number): number {
  let at = from + 1;
  while (json[at] !== QUOTE) {
    if (at >= json.length) throw new SyntaxError("unterminated string in JSON");
    at += json[at] === BACKSLASH ? 2 : 1;
  }
  return at;
}

function trimmed(json: Buffer, from: number, to: number): Buffer {
  let [start, end] = [from, to];
  while (start < end && SPACE.has(json[start] as number)) start += 1;
  while (end > start && SPACE.has(json[end - 1] as number)) end -= 1;
  return json.subarray(start, end);
}
