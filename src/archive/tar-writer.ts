const BLOCK = 512;
/** Fields of a POSIX ustar header: offset and length. */
const NAME = [0, 100] as const;
const CHECKSUM_AT = 148;

/** One member of a tar file, padded to whole blocks. */
export function tarMember(name: string, content: Uint8Array, modified: Date): Buffer[] {
  const header = Buffer.alloc(BLOCK);
  const put = (text: string, at: number) => header.write(text, at, "latin1");
  const octal = (value: number, length: number) => value.toString(8).padStart(length - 1, "0");
  if (Buffer.byteLength(name) >= NAME[1]) throw new RangeError(`${name}: too long for a tar header`);
  header.write(name, NAME[0], "utf8");
  put(octal(0o644, 8), 100);
  put(octal(0, 8), 108);
  put(octal(0, 8), 116);
  put(octal(content.byteLength, 12), 124);
  put(octal(Math.floor(modified.getTime() / 1000), 12), 136);
  put("        ", CHECKSUM_AT);
  put("0", 156);
  put("ustar\x0000", 257);
  put(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    )}\0 `,
    CHECKSUM_AT,
  );
  const padding = (BLOCK - (content.byteLength % BLOCK)) % BLOCK;
  return [header, Buffer.from(content.buffer, content.byteOffset, content.byteLength), Buffer.alloc(padding)];
}

/** What a tar file ends with. */
export const TAR_END = Buffer.alloc(2 * BLOCK);
