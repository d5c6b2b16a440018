import { ArchiveError } from "./archive-error.js";
import { ByteReader } from "./byte-reader.js";

const BLOCK = 512;
/** Members are held in memory one at a time; none that Holdfast writes comes near. */
const MAX_MEMBER_BYTES = 256 * 1024 * 1024;

export interface TarMember {
  readonly name: string;
  readonly content: Buffer;
}

/**
 * The members of a tar file as Holdfast writes them, one after the other.
 *
 * @throws ArchiveError foreign if it is none, truncated if it ends early.
 */
export async function* tarMembers(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember, void> {
  const bytes = new ByteReader(source);
  for (;;) {
    const header = await bytes.take(BLOCK);
    if (header.every((byte) => byte === 0)) {
      await bytes.drain();
      return;
    }
    const { name, size } = readHeader(header);
    const content = await bytes.take(size);
    await bytes.take((BLOCK - (size % BLOCK)) % BLOCK);
    yield { name, content };
  }
}

function readHeader(header: Buffer): { name: string; size: number } {
  const text = (at: number, length: number) =>
    header.toString("utf8", at, at + length).split("\0", 1)[0] ?? "";
  const sum = Number.parseInt(text(148, 8), 8);
  const actual = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (text(257, 5) !== "ustar" || sum !== actual) {
    throw new ArchiveError(
      "foreign",
      "this is no tar file inside: expected a backup made by holdfast backup",
    );
  }
  const size = Number.parseInt(text(124, 12), 8);
  if (!(size <= MAX_MEMBER_BYTES)) {
    throw new ArchiveError(
      "damaged",
      `${text(0, 100)}: expected at most ${MAX_MEMBER_BYTES} bytes, got ${size}`,
    );
  }
  return { name: text(0, 100), size };
}
