/** Up to this length copying characters here beats the call into the engine's encoder. */
const MAX_SHORT_LENGTH = 40;

/**
 * Writes text as UTF-8 where there is room for three bytes a character.
 *
 * @returns how many bytes it took.
 */
export function writeText(text: string, target: Buffer, offset: number): number {
  if (text.length > MAX_SHORT_LENGTH) return target.write(text, offset, "utf8");
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return target.write(text, offset, "utf8");
    target[offset + i] = code;
  }
  return text.length;
}
