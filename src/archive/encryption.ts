import { open, readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { Decrypter } from "age-encryption";
import { ArchiveError } from "./archive-error.js";

/** With every curve it knows it is 60 modules: loaded by the first who encrypts or decrypts. */
const loadAge = () => import("age-encryption");

const HEADER = "age-encryption.org/v1";

/** How files are encrypted as they are written: to age recipients, "age1…". */
export type Encrypt = (plain: Readable) => Promise<Readable>;

/** @throws ArchiveError key if a recipient is none */
export async function encryptTo(recipients: readonly string[]): Promise<Encrypt> {
  const { Encrypter } = await loadAge();
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw new ArchiveError(
        "key",
        `expected an age recipient, "age1…", got ${JSON.stringify(recipient)}`,
        error,
      );
    }
  }
  return async (plain) => fromWeb(await encrypter.encrypt(toWeb(plain)));
}

/** How files are decrypted as they are read. */
export type Decrypt = (encrypted: Readable, what: string) => Promise<Readable>;

/**
 * With the identities of files as `age-keygen` makes them.
 *
 * @throws ArchiveError key if one holds none
 */
export async function decryptWith(identityFiles: readonly string[]): Promise<Decrypt> {
  if (identityFiles.length === 0) return refuseEncrypted;
  const { Decrypter } = await loadAge();
  const decrypter = new Decrypter();
  for (const file of identityFiles) {
    const lines = (await readIdentities(file)).split(/\r?\n/).map((line) => line.trim());
    const identities = lines.filter((line) => line !== "" && !line.startsWith("#"));
    if (identities.length === 0) throw unusable(file);
    for (const identity of identities) {
      try {
        decrypter.addIdentity(identity);
      } catch (error) {
        throw unusable(file, error);
      }
    }
  }
  return decryptBy(decrypter);
}

async function refuseEncrypted(_encrypted: Readable, what: string): Promise<never> {
  throw new ArchiveError("identity", `${what} is encrypted: name the file of an identity with --identity`);
}

/** With a key made for one run and held in memory alone: what is encrypted to it can be read again by this process. */
export async function passingKey(): Promise<{ readonly recipient: string; readonly decrypt: Decrypt }> {
  const { Decrypter, generateX25519Identity, identityToRecipient } = await loadAge();
  const identity = await generateX25519Identity();
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return { recipient: await identityToRecipient(identity), decrypt: decryptBy(decrypter) };
}

function decryptBy(decrypter: Decrypter): Decrypt {
  return async (encrypted, what) => {
    try {
      return fromWeb(await decrypter.decrypt(toWeb(encrypted)));
    } catch (error) {
      throw new ArchiveError(
        "identity",
        `${what} cannot be decrypted with this identity: ${textOf(error)}`,
        error,
      );
    }
  };
}

/** Whether a file begins as age's do. */
export async function isEncrypted(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER.length), 0, HEADER.length, 0);
    return buffer.toString("latin1", 0, bytesRead) === HEADER;
  } finally {
    await handle.close();
  }
}

async function readIdentities(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new ArchiveError("key", `--identity: ${textOf(error)}`, error);
  }
}

// What the file holds is not repeated: it may be a secret.
function unusable(file: string, cause?: unknown): ArchiveError {
  return new ArchiveError("key", `${file}: expected lines with an age identity, "AGE-SECRET-KEY-1…"`, cause);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// The same streams under two names, one of the DOM and one of Node.
function toWeb(stream: Readable): never {
  return Readable.toWeb(stream) as never;
}

function fromWeb(stream: unknown): Readable {
  return Readable.fromWeb(stream as ReadableStream);
}
