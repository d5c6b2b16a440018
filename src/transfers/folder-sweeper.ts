import { randomUUID } from "node:crypto";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { errorText } from "../core/errors.js";
import { isYounger, ownership } from "./owned-folder.js";
import type { TransferMetrics } from "./transfer-metrics.js";

export interface FolderSweeperContext {
  /** Where folders of transfers lie, those of other servers as well. */
  readonly transfers: string;
  /** Where imports over gRPC keep copies: a folder for each. */
  readonly kept: string;
  readonly keepDays: number;
  readonly keepBytes: number;
  readonly metrics: () => TransferMetrics;
  readonly logger: Logger;
}

/** Folders of exports and of imports under way. */
const TRANSFER = /^(sending|received)-/;
/** Renamed to be removed: what is being removed is no import any more, also when the server is killed meanwhile. */
const REMOVING = "removing-";
const DAY_MS = 24 * 60 * 60_000;
/** How often folders are looked at besides the start and the end of each import, in ms: age is a matter of days. */
const INTERVAL_MS = 60 * 60_000;
/** A folder in which no owner is named yet is just being made, unless it is older than this, in ms. */
const BEING_MADE_MS = 60 * 60_000;

interface KeptImport {
  readonly path: string;
  readonly bytes: number;
  readonly endMs: number;
  readonly state: "under way" | "ended" | "cut off";
}

/** Removes folders that servers left behind when they were killed, and copies that were kept long enough. */
export class FolderSweeper {
  readonly #context: FolderSweeperContext;
  readonly #timer: NodeJS.Timeout;
  /** Bytes of imports that have ended, by folder: they do not change any more. */
  readonly #sizes = new Map<string, number>();
  #keptBytes = 0;
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(context: FolderSweeperContext) {
    this.#context = context;
    this.#timer = setInterval(() => void this.sweep(), INTERVAL_MS).unref();
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Resolves when everything was looked at. What cannot be removed is logged, and tried again the next time. */
  sweep(): Promise<void> {
    this.#last = this.#last.then(async () => {
      if (this.#isClosed) return;
      try {
        await this.#removeLeftBehind();
        await this.#removeOldImports();
      } catch (error) {
        const { transfers: folder, logger } = this.#context;
        logger.warn({ reason: errorText(error), folder }, "folders of exports and imports cannot be removed");
      }
    });
    return this.#last;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#last;
  }

  async #removeLeftBehind(): Promise<void> {
    const { transfers, metrics } = this.#context;
    for (const name of await namesIn(transfers)) {
      const path = join(transfers, name);
      if (!TRANSFER.test(name)) continue;
      const state = await ownership(path);
      if (state === "owned" || (state === "unnamed" && (await isYounger(path, BEING_MADE_MS)))) continue;
      await rm(path, { recursive: true, force: true });
      metrics().removed("left_behind");
    }
  }

  async #removeOldImports(): Promise<void> {
    const { kept } = this.#context;
    const { metrics } = this.#context;
    const imports: KeptImport[] = [];
    for (const name of await namesIn(kept)) {
      const path = join(kept, name);
      if (name.startsWith(REMOVING)) await rm(path, { recursive: true, force: true });
      else imports.push(await this.#look(path));
    }
    // Whoever goes on with one sends its files again.
    for (const each of imports.filter(({ state }) => state === "cut off")) {
      await this.#remove(each.path);
      metrics().removed("left_behind");
    }
    await this.#removeEnded(imports.filter(({ state }) => state !== "cut off"));
  }

  async #removeEnded(imports: KeptImport[]): Promise<void> {
    const { keepDays, keepBytes, metrics } = this.#context;
    imports.sort((a, b) => a.endMs - b.endMs);
    let bytes = imports.reduce((sum, each) => sum + each.bytes, 0);
    const oldestMs = Date.now() - keepDays * DAY_MS;
    for (const each of imports) {
      if (each.state === "under way" || (each.endMs >= oldestMs && bytes <= keepBytes)) continue;
      await this.#remove(each.path);
      metrics().removed("kept_import");
      bytes -= each.bytes;
    }
    this.#keptBytes = bytes;
  }

  async #look(path: string): Promise<KeptImport> {
    const state = await stateOf(path);
    const known = state === "ended" ? this.#sizes.get(path) : undefined;
    const bytes = known ?? (await sizeOf(path));
    if (state === "ended") this.#sizes.set(path, bytes);
    else this.#sizes.delete(path);
    return { path, bytes, endMs: (await stat(path)).mtimeMs, state };
  }

  async #remove(path: string): Promise<void> {
    this.#sizes.delete(path);
    const removing = join(this.#context.kept, `${REMOVING}${randomUUID()}`);
    await rename(path, removing);
    await rm(removing, { recursive: true, force: true });
  }
}

async function stateOf(path: string): Promise<KeptImport["state"]> {
  const state = await ownership(path);
  if (state === "owned") return "under way";
  if (state === "left behind") return "cut off";
  // Its owner's name is the first thing in it, and goes when the import has ended.
  if ((await namesIn(path)).length > 0) return "ended";
  return (await isYounger(path, BEING_MADE_MS)) ? "under way" : "cut off";
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
