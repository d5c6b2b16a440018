import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { invalidFields, limitExceeded } from "../core/errors.js";

/** Bytes of a file, in order; the chunks of a file follow each other. */
export interface FileChunk {
  readonly name: string;
  readonly data: Uint8Array;
}

/** All files of one call together; what is larger is imported where it lies. */
const MAX_BYTES = 8 * 1024 ** 3;
/** Files and folders of one call: the report, which has some 150 bytes for each file, has to fit into one message. */
const MAX_FILES = 5000;
/** Bytes of all their paths, which are in the report as well. */
const MAX_PATHS_BYTES = 512 * 1024;
/** Of a path, which is copied below others: Linux takes 4096 in all. */
const MAX_PATH_BYTES = 1000;
/** Of each name in it: what common file systems take. */
const MAX_NAME_BYTES = 255;
/** What a file or folder takes on disk besides its bytes, so that empty ones count as well. */
const FILE_BYTES = 4096;

/** Files of one call, as they arrive chunk by chunk, written below a folder. */
export class ReceivedFileWriter {
  readonly #root: string;
  readonly #hold: (bytes: number) => void;
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();
  #current: { readonly name: string; readonly file: FileHandle } | undefined;
  #bytes = 0;
  #pathsBytes = 0;

  /** @param hold is told of bytes before they are written, and may throw */
  constructor(root: string, hold: (bytes: number) => void) {
    this.#root = root;
    this.#hold = hold;
  }

  /** @throws INVALID_FIELD for a name that is no path within a folder, LIMIT_EXCEEDED */
  async write({ name, data }: FileChunk): Promise<void> {
    const { file } = this.#current?.name === name ? this.#current : await this.#begin(name);
    this.#bytes += data.byteLength;
    if (this.#bytes > MAX_BYTES) throw limitExceeded("chunk.data", "bytes", MAX_BYTES, this.#bytes);
    this.#hold(data.byteLength);
    // Not `write`, which may write a part alone, as it does when the disk is getting full.
    await file.writeFile(data);
  }

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    await current?.file.close();
  }

  async #begin(name: string): Promise<{ readonly file: FileHandle }> {
    await this.close();
    const path = checkedPath(name);
    if (this.#files.has(path)) throw invalidName("the chunks of each file one after the other", name);
    const before = this.#files.size + this.#folders.size;
    this.#files.add(path);
    for (const folder of foldersOf(path)) this.#folders.add(folder);
    if (this.#folders.has(path) || foldersOf(path).some((folder) => this.#files.has(folder))) {
      throw invalidName("no name of both a file and a folder", name);
    }
    const count = this.#files.size + this.#folders.size;
    if (count > MAX_FILES) throw limitExceeded("chunk.name", "files and folders", MAX_FILES, count);
    this.#pathsBytes += Buffer.byteLength(path);
    if (this.#pathsBytes > MAX_PATHS_BYTES) {
      throw limitExceeded("chunk.name", "bytes of all names", MAX_PATHS_BYTES, this.#pathsBytes);
    }
    this.#hold((count - before) * FILE_BYTES);
    await mkdir(dirname(join(this.#root, path)), { recursive: true, mode: 0o700 });
    this.#current = { name, file: await open(join(this.#root, path), "wx", 0o600) };
    return this.#current;
  }
}

/** A path within the folder, whoever sent it. */
function checkedPath(name: string): string {
  const path = posix.normalize(name);
  const isWithin = name !== "" && !posix.isAbsolute(path) && !path.split("/").includes("..");
  if (!isWithin || /[\\\0:]/.test(name) || path.endsWith("/") || path === ".") {
    throw invalidName("a path within a folder", name);
  }
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw invalidName(`at most ${MAX_PATH_BYTES} bytes`, name);
  if (path.split("/").some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES)) {
    throw invalidName(`at most ${MAX_NAME_BYTES} bytes between slashes`, name);
  }
  return path;
}

/** "a" and "a/b" of "a/b/c". */
function foldersOf(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}

function invalidName(expected: string, name: string) {
  const description = `expected ${expected}, got ${JSON.stringify(name.slice(0, 80))}`;
  return invalidFields([{ field: "chunk.name", description }]);
}
