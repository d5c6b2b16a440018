import { once } from "node:events";
import type { Writable } from "node:stream";

/** Writes lines as fast as their reader takes them. */
export interface LineWriter {
  /** Resolves when the next one may be written. */
  write(line: string): Promise<void>;
  /** Aborts when the reader has gone, as `head` does once it has enough. */
  readonly closed: AbortSignal;
}

export function createLineWriter(stream: Writable): LineWriter {
  const closed = new AbortController();
  stream.on("error", (error) => closed.abort(error));
  return {
    closed: closed.signal,
    async write(line) {
      if (closed.signal.aborted || stream.write(`${line}\n`)) return;
      await once(stream, "drain", { signal: closed.signal }).catch(() => {});
    },
  };
}
