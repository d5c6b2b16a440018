const SECRET =
  /api[_-]?key|apikey|secret|token|passw(or)?d|passphrase|credential|private[_-]?key|access[_-]?key|backup_codes|_hash$/i;
/** What follows the name of a member, up to the first character of its value. */
const VALUE = /\s*:\s*(.)/sy;

/** Whether what stands under this name is to be shown to few: a key, a password. Plain numbers never are. */
export function isSecretName(name: string, rawValue: string): boolean {
  return SECRET.test(name) && !/^(-?\d|true|false|null|NaN|-?Infinity)/.test(rawValue);
}

/**
 * Whether a value has a secret anywhere inside, by the names of its members. The value need not be valid JSON: any text in
 * quotes that a colon follows counts as a name. Takes time proportional to the length of the value.
 */
export function holdsSecret(raw: string): boolean {
  let start = raw.indexOf('"');
  while (start >= 0) {
    const end = closingQuote(raw, start + 1);
    if (end < 0) return false;
    VALUE.lastIndex = end + 1;
    const value = VALUE.exec(raw);
    if (value && isSecretName(raw.slice(start + 1, end), value[1] ?? "")) return true;
    // Where no name ends, another may begin: the quotes need not come in pairs.
    start = value ? raw.indexOf('"', VALUE.lastIndex) : end;
  }
  return false;
}

/** The next quote from there on that no backslash escapes, or -1. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (at - backslashes > from && text[at - backslashes - 1] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return -1;
}
