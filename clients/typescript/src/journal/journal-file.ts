import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { type FileHandle, open, stat, unlink } from "node:fs/promises";
import { numbered, settledLine } from "./journal-line.js";
import { type DamagedLine, parseLines, type StoredWrite } from "./parse-lines.js";

/** Somebody else has the file: what was put in it last is to be put in another. */
export class TakenOverError extends Error {}

/** One file of lines, which one process at a time appends to, replays and removes. */
export class JournalFile {
  readonly path: string;
  #handle: FileHandle | undefined;
  #inode: bigint | undefined;
  #size: number;
  #last: number;
  #settled: number;
  /** Writes read for replay, and up to where. */
  #read: StoredWrite[] = [];
  #readUpTo = 0;
  #entries: number;
  #bytes: number;
  #oldest: Date | undefined;
  #isBroken = false;

  private constructor(path: string, found: ReturnType<typeof parseLines>) {
    this.path = path;
    const waiting = found.writes.filter(({ json }) => json.number > found.settled);
    this.#size = found.end;
    this.#settled = found.settled;
    this.#last = Math.max(found.settled, found.writes.at(-1)?.json.number ?? 0);
    this.#entries = waiting.length;
    this.#bytes = waiting.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#oldest = waiting[0] && new Date(waiting[0].json.time);
  }

  /** A new one. It appears on disk with its first lines. */
  static create(path: string): JournalFile {
    return new JournalFile(path, parseLines(Buffer.alloc(0)));
  }

  /**
   * One that is there, cut to what is whole. Lines damaged inside are given to `keep`; once that is done they are
   * blanked, so that they are found once.
   */
  static open(path: string, keep: (damaged: readonly DamagedLine[]) => void): JournalFile {
    const descriptor = openSync(path, "r+");
    try {
      const bytes = readFileSync(descriptor);
      const found = parseLines(bytes);
      if (found.damaged.length > 0) keep(found.damaged);
      for (const { offset, bytes } of found.damaged) {
        writeSync(descriptor, Buffer.alloc(bytes.length, " "), 0, bytes.length, offset);
      }
      ftruncateSync(descriptor, found.end);
      if (found.lacksNewline) writeSync(descriptor, "\n", found.end);
      fsyncSync(descriptor);
      return new JournalFile(path, found.lacksNewline ? { ...found, end: found.end + 1 } : found);
    } finally {
      closeSync(descriptor);
    }
  }

  /** Writes that wait. */
  get entries(): number {
    return this.#entries;
  }

  /** Of those. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of the whole file. */
  get size(): number {
    return this.#size;
  }

  /** Nothing is added any more: a line may have been written in part. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  get oldest(): Date | undefined {
    return this.#oldest;
  }

  /**
   * Appends writes as one group; resolves when they are on disk. Throws {@link TakenOverError} when the file is
   * somebody else's by then; after any other error it is broken, and holds what it held.
   */
  async append(encoded: readonly string[], time: Date): Promise<void> {
    const lines = Buffer.from(encoded.map((each, index) => numbered(each, this.#last + 1 + index)).join(""));
    const handle = await this.#open();
    try {
      await handle.appendFile(lines);
      await handle.datasync();
    } catch (error) {
      await this.#break(handle);
      throw error;
    }
    // Whoever took it over before has read less than what is there now; whoever does from now on reads all.
    if (!(await this.#isOurs())) throw new TakenOverError(this.path);
    this.#size += lines.length;
    this.#last += encoded.length;
    if (this.#entries === 0) this.#oldest = time;
    this.#entries += encoded.length;
    this.#bytes += lines.length;
  }

  /** Writes that wait, oldest first: at least one when there is any. */
  async waiting(): Promise<readonly StoredWrite[]> {
    if (this.#read.length === 0 && this.#entries > 0) {
      const handle = await open(this.path, "r");
      try {
        const length = this.#size - this.#readUpTo;
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, this.#readUpTo);
        if (bytesRead < length) throw new Error(`${this.path}: expected ${length} bytes, got ${bytesRead}`);
        this.#read = parseLines(buffer).writes.filter(({ json }) => json.number > this.#settled);
        this.#readUpTo = this.#size;
      } finally {
        await handle.close();
      }
    }
    return this.#read;
  }

  /**
   * Notes that the first `count` of the waiting writes are settled. The note may be lost in a crash: then they are
   * replayed again, which their ids make harmless.
   */
  async settle(count: number): Promise<void> {
    const settled = this.#read.slice(0, count);
    this.#read = this.#read.slice(count);
    this.#settled = settled.at(-1)?.json.number ?? this.#settled;
    this.#entries -= settled.length;
    this.#bytes -= settled.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (this.#entries === 0) {
      this.#oldest = undefined;
      return;
    }
    if (!this.#isBroken) await this.#note(Buffer.from(settledLine(this.#settled)));
    const [next] = await this.waiting();
    this.#oldest = next && new Date(next.json.time);
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /** Closes and deletes it. */
  async remove(): Promise<void> {
    await this.close();
    await unlink(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  async #note(line: Buffer): Promise<void> {
    const handle = await this.#open();
    try {
      await handle.appendFile(line);
      this.#size += line.length;
    } catch {
      await this.#break(handle);
    }
  }

  /** A part of a line must not stand in front of whole ones. */
  async #break(handle: FileHandle): Promise<void> {
    this.#isBroken = true;
    if (await this.#isOurs()) await handle.truncate(this.#size).catch(() => {});
  }

  async #isOurs(): Promise<boolean> {
    const there = await stat(this.path, { bigint: true }).catch(() => undefined);
    return there?.ino === this.#inode;
  }

  async #open(): Promise<FileHandle> {
    if (!this.#handle) {
      const handle = await open(this.path, "a", 0o600);
      this.#inode = (await handle.stat({ bigint: true })).ino;
      this.#handle = handle;
    }
    return this.#handle;
  }
}
