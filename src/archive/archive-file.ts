import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { pipeline as chain, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { ArchiveError, fromFileSystem } from "./archive-error.js";
import { type Decrypt, type Encrypt, isEncrypted } from "./encryption.js";

/** Of gzip: 6 takes twice the time for some percent less. */
const COMPRESSION_LEVEL = 3;

export interface FileEncoding {
  readonly compress: boolean;
  readonly encrypt?: Encrypt | undefined;
  /** Told of bytes before they are written. */
  readonly onStored?: ((bytes: number) => void) | undefined;
}

/**
 * Writes a file that stands under its name only once it is whole and on disk.
 *
 * @returns its size
 */
export async function writeArchiveFile(
  path: string,
  content: AsyncIterable<Uint8Array>,
  { compress, encrypt, onStored = () => {} }: FileEncoding,
): Promise<number> {
  const partial = `${path}.partial`;
  try {
    const plain = Readable.from(content, { objectMode: false });
    // A failure of one part ends the others and comes out of the last.
    const packed = compress ? chain(plain, createGzip({ level: COMPRESSION_LEVEL }), () => {}) : plain;
    const written = encrypt ? await encrypt(packed) : packed;
    const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        onStored(chunk.byteLength);
        yield chunk;
      }
    };
    await pipeline(written, counted, createWriteStream(partial, { flush: true, mode: 0o600 }));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {});
    throw fromFileSystem(error);
  }
  return (await stat(path)).size;
}

/**
 * The content of a file that `writeArchiveFile` wrote, decrypted if it is encrypted.
 *
 * @throws ArchiveError identity, damaged, truncated or foreign
 */
export async function* readArchiveFile(
  path: string,
  { isCompressed, decrypt }: { readonly isCompressed: boolean; readonly decrypt: Decrypt },
): AsyncGenerator<Uint8Array, void> {
  const wasEncrypted = await isEncrypted(path).catch((error: unknown) => {
    throw fromFileSystem(error);
  });
  const stored = createReadStream(path);
  try {
    const packed = wasEncrypted ? await decrypt(stored, path) : stored;
    yield* isCompressed ? chain(packed, createGunzip(), () => {}) : packed;
  } catch (error) {
    throw fromReading(error, path, wasEncrypted);
  } finally {
    stored.destroy();
  }
}

function fromReading(error: unknown, path: string, wasEncrypted: boolean): unknown {
  if (error instanceof ArchiveError || !(error instanceof Error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "Z_BUF_ERROR")
    return new ArchiveError("truncated", `${path} ends in the middle: part of it is missing`, error);
  if (code.startsWith("Z_")) {
    const isForeign = error.message === "incorrect header check";
    const what = isForeign ? "is not compressed as archives of Holdfast are" : "was altered or is damaged";
    return new ArchiveError(isForeign ? "foreign" : "damaged", `${path} ${what}: ${error.message}`, error);
  }
  if (wasEncrypted && code === "") {
    return new ArchiveError(
      "damaged",
      `${path} was altered, or part of it is missing: ${error.message}`,
      error,
    );
  }
  return fromFileSystem(error);
}
