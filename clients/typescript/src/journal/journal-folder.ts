import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { createUuidV7Source } from "../uuid-v7.js";
import { JournalFile } from "./journal-file.js";
import { OwnerLock } from "./owner-lock.js";

/** `<file id>@<owner id>.jsonl`: renaming it is taking it over, which one of many can do. */
const FILE_NAME = /^([0-9a-f-]{36})@([0-9a-f-]{36})\.jsonl$/;
const LOCK_NAME = /^([0-9a-f-]{36})\.lock$/;

/** The files of one tenant's writes that wait, this process' own and those it took over, oldest first. */
export class JournalFolder {
  readonly #directory: string;
  readonly #newId = createUuidV7Source();
  readonly #lock: OwnerLock;
  #files: JournalFile[] = [];
  #rejected: number;
  #damaged: number;

  /** Makes it where missing, and takes over what others left. Throws the system's error when that cannot be. */
  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#lock = new OwnerLock(directory, this.#newId());
    this.#rejected = this.#countLines("rejected");
    this.#damaged = this.#countLines("damaged");
    this.adopt();
  }

  get files(): readonly JournalFile[] {
    return this.#files;
  }

  get rejected(): number {
    return this.#rejected;
  }

  get damaged(): number {
    return this.#damaged;
  }

  /** Takes over the files of owners that are gone. Nothing is ever added to those: their owner may only seem gone. */
  adopt(): void {
    const abandoned = new Set<string>();
    const names = readdirSync(this.#directory).sort();
    for (const name of names) {
      const [, ownerId] = LOCK_NAME.exec(name) ?? [];
      if (ownerId && ownerId !== this.#lock.id && this.#lock.isAbandoned(ownerId)) abandoned.add(ownerId);
    }
    for (const name of names) {
      const [, fileId, ownerId] = FILE_NAME.exec(name) ?? [];
      if (!fileId || !ownerId || ownerId === this.#lock.id) continue;
      if (!abandoned.has(ownerId) && !this.#lock.isAbandoned(ownerId)) continue;
      abandoned.add(ownerId);
      const path = this.#path(fileId);
      try {
        renameSync(join(this.#directory, name), path);
      } catch (error) {
        // Another process was quicker.
        if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
        throw error;
      }
      const file = this.#open(path);
      // One that its process had no time to write to, or to remove.
      if (file.entries === 0) unlinkSync(path);
      else this.#files.push(file);
    }
    for (const ownerId of abandoned) this.#lock.clear(ownerId);
    this.#files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  #open(path: string): JournalFile {
    return JournalFile.open(path, (damaged) => {
      this.#keep(
        "damaged",
        damaged.map(({ offset, bytes }) => ({ file: path, offset, base64: bytes.toString("base64") })),
      );
      this.#damaged += damaged.length;
    });
  }

  /** A file for new lines, behind all others. */
  create(): JournalFile {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const file = JournalFile.create(this.#path(this.#newId()));
    this.#files.push(file);
    return file;
  }

  /** Makes the names of files last, and that of the folder. */
  sync(): void {
    for (const directory of [this.#directory, dirname(this.#directory)]) {
      const descriptor = openSync(directory, "r");
      try {
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    }
  }

  /** Files that are somebody else's now, or gone. */
  forget(file: JournalFile): void {
    this.#files = this.#files.filter((each) => each !== file);
  }

  /** Keeps writes that were refused for good, on disk when it returns. */
  reject(rejected: readonly object[]): void {
    this.#keep("rejected", rejected);
    this.#rejected += rejected.length;
  }

  /** Lets go of the files: whoever comes next takes them over. */
  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()));
    this.#lock.close();
  }

  // A file for each owner: lines of two processes never meet.
  #keep(what: "rejected" | "damaged", lines: readonly object[]): void {
    const descriptor = openSync(join(this.#directory, `${what}-${this.#lock.id}.jsonl`), "a", 0o600);
    try {
      writeSync(descriptor, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  #countLines(what: "rejected" | "damaged"): number {
    const names = readdirSync(this.#directory).filter((name) => name.startsWith(`${what}-`));
    const texts = names.map((name) => readFileSync(join(this.#directory, name), "utf8"));
    return texts.reduce((sum, text) => sum + text.split("\n").length - 1, 0);
  }

  #path(fileId: string): string {
    return join(this.#directory, `${fileId}@${this.#lock.id}.jsonl`);
  }
}
