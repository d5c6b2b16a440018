import { mkdirSync, readFileSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRunning, type Owner, thisProcess } from "./owner.js";

// A process of another machine or container is known by this alone.
const HEARTBEAT_MS = 5_000;
/** How long a lock of such a process may stand still. A stalled process that goes on finds its files gone. */
const STALE_AFTER_MS = 30_000;

/** Says that files of this owner are in use, for as long as the process lives. */
export class OwnerLock {
  readonly id: string;
  readonly #directory: string;
  readonly #timer: NodeJS.Timeout;
  /** Locks seen standing still, and since when. */
  readonly #still = new Map<string, { readonly beat: number; readonly sinceMs: number }>();

  constructor(directory: string, id: string) {
    this.id = id;
    this.#directory = directory;
    this.#write();
    this.#timer = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#timer.unref();
  }

  /** Whether nobody uses the files of another owner any more. */
  isAbandoned(ownerId: string): boolean {
    const path = this.#path(ownerId);
    let text: string;
    let beat: number;
    try {
      text = readFileSync(path, "utf8");
      beat = statSync(path).mtimeMs;
    } catch (error) {
      // Taken away by an owner that closed.
      return (error as NodeJS.ErrnoException).code === "ENOENT";
    }
    const running = runs(text);
    if (running !== undefined) return !running;
    const seen = this.#still.get(ownerId);
    // By our own clock: another machine's may be off.
    if (seen?.beat === beat) return performance.now() - seen.sinceMs > STALE_AFTER_MS;
    this.#still.set(ownerId, { beat, sinceMs: performance.now() });
    return false;
  }

  /** Takes an abandoned owner's lock away, once its files have other owners. */
  clear(ownerId: string): void {
    this.#still.delete(ownerId);
    remove(this.#path(ownerId));
  }

  close(): void {
    clearInterval(this.#timer);
    remove(this.#path(this.id));
  }

  #beat(): void {
    const now = new Date();
    try {
      utimesSync(this.#path(this.id), now, now);
    } catch {
      // Someone took it away, or the folder with all in it: others would think that this process is gone.
      try {
        this.#write();
      } catch {
        // The next write to the journal says so.
      }
    }
  }

  #write(): void {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    writeFileSync(this.#path(this.id), JSON.stringify(thisProcess()), { mode: 0o600 });
  }

  #path(ownerId: string): string {
    return join(this.#directory, `${ownerId}.lock`);
  }
}

function runs(text: string): boolean | undefined {
  try {
    return isRunning(JSON.parse(text) as Owner);
  } catch {
    // It is being written.
    return undefined;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody was quicker.
  }
}
