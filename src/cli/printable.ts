/** Longest text shown of one value, in characters. */
const MAX_SHOWN_LENGTH = 100;

// What moves the cursor, colours, rings, or turns the direction of text around: agents
// record what they read, and what they read must not drive the reader's terminal.
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** Text on one line that is safe on a terminal, cut if it is long. */
export function printable(text: string): string {
  const shown: string[] = [];
  // By character, so that none is cut in half; no further than needed, for texts of a megabyte.
  for (const character of text) {
    if (shown.length === MAX_SHOWN_LENGTH) return `${escapeUnsafe(shown.join(""))}…`;
    shown.push(character);
  }
  return escapeUnsafe(shown.join(""));
}

function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (character) => {
    if (character === "\n") return "\\n";
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
