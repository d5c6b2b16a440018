import { ArchiveError } from "./archive-error.js";

const NEWLINE = 0x0a;
/** No entry is larger than a few MiB; what has no line break for so long is something else. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** The lines of a text that ends with a line break. @throws ArchiveError truncated, damaged */
export async function* textLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<string, void> {
  let held: Uint8Array[] = [];
  let byteLength = 0;
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const text = Buffer.concat([...held, chunk.subarray(0, end - 1)]).toString("utf8");
      yield* text.split("\n");
      held = [];
      byteLength = 0;
    }
    held.push(chunk.subarray(end));
    byteLength += chunk.byteLength - end;
    if (byteLength > MAX_LINE_BYTES) {
      throw new ArchiveError("damaged", `${name}: expected lines of at most ${MAX_LINE_BYTES} bytes`);
    }
  }
  if (byteLength > 0) throw new ArchiveError("truncated", `${name} ends in the middle of a line`);
}
