import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** A copy of a database, with its write-ahead log beside it if it has one. */
export interface WorkingCopy {
  readonly path: string;
  /** Takes its name away: who has it open reads on, and what remains goes with the process, however that ends. */
  remove(): Promise<void>;
}

/**
 * @param scratch a folder for files that do not last
 * @throws what the file system does
 */
export async function makeWorkingCopy(
  scratch: string,
  read: (suffix?: "-wal") => Promise<Readable>,
): Promise<WorkingCopy> {
  const directory = await mkdtemp(join(scratch, "holdfast-database-"));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const path = join(directory, "database");
    await write(await read(), path);
    await write(await read("-wal"), `${path}-wal`);
    return { path, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function write(from: Readable, path: string): Promise<void> {
  const to = createWriteStream(path, { mode: 0o600 });
  await pipeline(from, to);
  // An empty log would make a database one in WAL mode.
  if (to.bytesWritten === 0) await rm(path);
}
