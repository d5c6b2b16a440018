/**
 * The members of a JSON object, each value as the text it was written in:
 * where JSON.parse would round numbers and drop duplicate keys inside. White
 * space around a value belongs to it.
 *
 * @param text a valid JSON object.
 */
export function rawMembers(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = skipSpace(text, text.indexOf("{") + 1);
  while (text[at] === '"') {
    const keyEnd = skipString(text, at);
    const valueStart = skipSpace(text, keyEnd) + 1;
    const valueEnd = skipSpace(text, skipValue(text, skipSpace(text, valueStart)));
    members.set(JSON.parse(text.slice(at, keyEnd)), text.slice(valueStart, valueEnd));
    at = text[valueEnd] === "," ? skipSpace(text, valueEnd + 1) : valueEnd;
  }
  return members;
}

/**
 * The items of a JSON array, each as the text it was written in.
 *
 * @param text a valid JSON array.
 */
export function rawItems(text: string): string[] {
  const items: string[] = [];
  let at = skipSpace(text, text.indexOf("[") + 1);
  while (text[at] !== "]") {
    const end = skipValue(text, at);
    items.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return items;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at += 1;
  return at;
}

/** The index after the string that starts at `from`. */
function skipString(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') {
    if (at >= text.length) throw new SyntaxError("unterminated string in JSON");
    at += text[at] === "\\" ? 2 : 1;
  }
  return at + 1;
}

/** The index after the value that starts at `from`. */
function skipValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const char = text[at];
    if (char === undefined) throw new SyntaxError("unterminated value in JSON");
    if (char === '"') {
      at = skipString(text, at);
      continue;
    }
    if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") depth -= 1;
    at += 1;
  } while (depth > 0 || !/[,}\]\s]/.test(text[at] ?? "}"));
  return at;
}
