const ELLIPSIS = "…";

/**
 * The text, cut to at most so many bytes and ended with "…" if it was longer. Lone surrogates, which
 * neither UTF-8 nor `encodeURI` can carry, become U+FFFD.
 *
 * @param sizeOf bytes that one code point takes where the text is going
 */
function clip(text: string, maxBytes: number, sizeOf: (character: string) => number): string {
  // No character takes less than a byte: what is past that many cannot fit, and need not be walked.
  const candidate = Buffer.from(text.slice(0, maxBytes + 1)).toString();
  const room = maxBytes - sizeOf(ELLIPSIS);
  let size = 0;
  let fitting = 0;
  for (const character of candidate) {
    size += sizeOf(character);
    if (size > maxBytes) return candidate.slice(0, fitting) + ELLIPSIS;
    if (size <= room) fitting += character.length;
  }
  return candidate;
}

/** Cut to so many bytes of UTF-8. */
export function clipUtf8(text: string, maxBytes: number): string {
  return clip(text, maxBytes, (character) => Buffer.byteLength(character));
}

/** Cut to so many bytes once percent-encoded, as `grpc-message` is. */
export function clipEncoded(text: string, maxBytes: number): string {
  return clip(text, maxBytes, (character) => encodeURI(character).length);
}
