/** A member of an object: what it says and the texts it was written in. */
export interface Member {
  readonly name: string;
  readonly rawName: string;
  readonly raw: string;
}

/**
 * What keeps a text from being JSON, undefined if nothing does. NaN, Infinity
 * and -Infinity are numbers here, as Python writes them; nesting may be of any depth.
 */
export function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    return walk(text, () => {});
  }
}

/** Scalars and empty containers of a valid JSON text. */
export function countLeaves(text: string): number {
  let leaves = 0;
  walk(text, () => {
    leaves += 1;
  });
  return leaves;
}

/** The leaves of a valid JSON text in order, as they were written, with the path to each. */
export function leavesOf(text: string): readonly { readonly path: string; readonly raw: string }[] {
  const leaves: { path: string; raw: string }[] = [];
  walk(text, (from, to, path) => leaves.push({ path: path(), raw: text.slice(from, to) }));
  return leaves;
}

/** The members of a valid JSON object in order, those of the same name too. */
export function membersOf(text: string): Member[] {
  const members: Member[] = [];
  let at = skipSpace(text, 1);
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = skipString(text, at);
    const from = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const to = skipValue(text, from);
    const rawName = text.slice(at, nameEnd);
    members.push({ name: stringText(rawName), rawName, raw: text.slice(from, to) });
    at = skipSpace(text, to);
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
  return members;
}

/** What a valid JSON string says. */
export function stringText(raw: string): string {
  return raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
}

type Leaf = (from: number, to: number, path: () => string) => void;

/** Goes through a text without recursion; returns what is wrong with it. */
function walk(text: string, leaf: Leaf): string | undefined {
  const names: (string | number)[] = [];
  const isObject: boolean[] = [];
  const path = () =>
    `$${names.map((name) => (typeof name === "number" ? `[${name}]` : `.${name}`)).join("")}`;
  let at = skipSpace(text, 0);
  for (;;) {
    // A value begins here.
    const code = text.charCodeAt(at);
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      const closing = code === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
      const inside = skipSpace(text, at + 1);
      if (text.charCodeAt(inside) === closing) {
        leaf(at, inside + 1, path);
        at = inside + 1;
      } else {
        isObject.push(code === OPEN_BRACE);
        names.push(0);
        at = inside;
        if (code === OPEN_BRACE) {
          const value = memberValue(text, at, names);
          if (value < 0) return expected("a member", text, at);
          at = value;
        }
        continue;
      }
    } else {
      const end = skipScalar(text, at);
      if (end < 0) return expected("a value", text, at);
      leaf(at, end, path);
      at = end;
    }
    // What a value is followed by.
    for (;;) {
      at = skipSpace(text, at);
      const inObject = isObject.at(-1);
      if (inObject === undefined) return at === text.length ? undefined : expected("the end", text, at);
      const next = text.charCodeAt(at);
      if (next === (inObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
        isObject.pop();
        names.pop();
        at += 1;
        continue;
      }
      if (next !== COMMA) return expected(inObject ? ", or }" : ", or ]", text, at);
      at = skipSpace(text, at + 1);
      if (inObject) {
        const value = memberValue(text, at, names);
        if (value < 0) return expected("a member", text, at);
        at = value;
      } else names[names.length - 1] = (names.at(-1) as number) + 1;
      break;
    }
  }
}

/** Where the value of the member that begins here begins; -1 if none does. */
function memberValue(text: string, at: number, names: (string | number)[]): number {
  if (text.charCodeAt(at) !== QUOTE) return -1;
  const end = skipString(text, at);
  const colon = skipSpace(text, end);
  if (end < 0 || text.charCodeAt(colon) !== COLON || !isString(text.slice(at, end))) return -1;
  names[names.length - 1] = text.slice(at + 1, end - 1);
  return skipSpace(text, colon + 1);
}

// What stands there is not quoted: it may be half of a password.
function expected(what: string, text: string, at: number): string {
  return at >= text.length
    ? "it ends in the middle"
    : `expected ${what} at character ${at}, got something else`;
}

const SCALAR =
  /(?:true|false|null|NaN|-?Infinity|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=[\s,\]}]|$)/y;

/** Where the scalar that begins here ends; -1 if it is none. */
function skipScalar(text: string, at: number): number {
  if (text.charCodeAt(at) === QUOTE) {
    const end = skipString(text, at);
    return end >= 0 && isString(text.slice(at, end)) ? end : -1;
  }
  SCALAR.lastIndex = at;
  return SCALAR.test(text) ? SCALAR.lastIndex : -1;
}

const PLAIN_STRING = /^"[ !#-[\]-\u{10ffff}]*"$/u;

function isString(raw: string): boolean {
  if (PLAIN_STRING.test(raw)) return true;
  try {
    return typeof JSON.parse(raw) === "string";
  } catch {
    return false;
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return at;
    at += 1;
  }
}

/** Where the string that begins here ends; -1 if it does not. */
function skipString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
  return -1;
}

/** Where the value of a valid text that begins here ends. */
function skipValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = skipString(text, at) - 1;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (depth === 0) return at;
      depth -= 1;
    } else if (depth === 0 && (code === COMMA || code === 32 || code === 10 || code === 13 || code === 9))
      return at;
    else continue;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

const [QUOTE, COMMA, COLON, BACKSLASH] = [34, 44, 58, 92];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [91, 93, 123, 125];
