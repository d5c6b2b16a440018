import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { encryptTo, passingKey } from "../archive/encryption.js";

/** Bytes read at once. */
const CHUNK_BYTES = 1024 * 1024;

/** A copy, as the manifest tells of it: what it is of, not what it takes. */
export interface MadeCopy {
  readonly file: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** Copies of files, under their names from a folder. */
export interface Copies {
  /** @throws what the file system does, ENOENT where there is nothing to copy */
  make(from: string, file: string): Promise<MadeCopy>;
  /** What was copied, byte for byte. */
  read(file: string): Promise<Readable>;
  remove(file: string): Promise<void>;
}

/** @param onStored is told of bytes before they are written */
export function plainCopies(directory: string, onStored: (bytes: number) => void): Copies {
  const at = (file: string) => join(directory, file);
  return {
    make: (from, file) => copy({ from, file, to: at(file), encode: async (plain) => plain, onStored }),
    read: async (file) => createReadStream(at(file), { highWaterMark: CHUNK_BYTES }),
    remove: (file) => rm(at(file), { force: true }),
  };
}

/** Copies for age recipients, which are encrypted as they are made. */
export async function encryptedCopies(
  directory: string,
  recipients: readonly string[],
  onStored: (bytes: number) => void,
): Promise<Copies> {
  const { recipient, decrypt } = await passingKey();
  const encrypt = await encryptTo([...recipients, recipient]);
  const at = (file: string) => join(directory, `${file}.age`);
  return {
    make: (from, file) => copy({ from, file, to: at(file), encode: encrypt, onStored }),
    async read(file) {
      const encrypted = createReadStream(at(file), { highWaterMark: CHUNK_BYTES });
      return decrypt(encrypted, at(file)).catch((error) => {
        encrypted.destroy();
        throw error;
      });
    },
    remove: (file) => rm(at(file), { force: true }),
  };
}

interface Copying {
  readonly from: string;
  readonly file: string;
  readonly to: string;
  readonly encode: (plain: Readable) => Promise<Readable>;
  readonly onStored: (bytes: number) => void;
}

async function copy({ from, file, to, encode, onStored }: Copying): Promise<MadeCopy> {
  const hash = createHash("sha256");
  let bytes = 0;
  async function* read() {
    for await (const chunk of createReadStream(from, { highWaterMark: CHUNK_BYTES })) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      onStored((chunk as Buffer).length);
      yield chunk as Buffer;
    }
  }
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  const plain = Readable.from(read(), { objectMode: false });
  await pipeline(await encode(plain), createWriteStream(to, { mode: 0o600 }));
  return { file, bytes, sha256: hash.digest("hex") };
}
