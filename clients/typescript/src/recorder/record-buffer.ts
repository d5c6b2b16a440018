import { cancelled, HoldfastError } from "../holdfast-error.js";

/** Counts what waits for an acknowledgement, bounds it, and lets others wait for room or for the end of it. */
export class RecordBuffer {
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  #records = 0;
  #bytes = 0;
  #added = 0;
  #settled = 0;
  #roomWaiters: (() => void)[] = [];
  /** By the count of settled records they wait for, ascending. */
  #flushWaiters: { readonly settled: number; readonly resolve: () => void }[] = [];

  constructor(maxRecords: number, maxBytes: number) {
    this.#maxRecords = maxRecords;
    this.#maxBytes = maxBytes;
  }

  get records(): number {
    return this.#records;
  }

  /** Less than half is used. The other half is for those who do not ask. */
  get hasRoom(): boolean {
    return this.#records * 2 < this.#maxRecords && this.#bytes * 2 < this.#maxBytes;
  }

  /** Throws BUFFER_FULL. */
  check(): void {
    if (this.#records < this.#maxRecords && this.#bytes < this.#maxBytes) return;
    const held = `${this.#records} records, ${this.#bytes} bytes`;
    throw new HoldfastError(`too much is waiting for the server (${held}): await ready() between records`, {
      code: "RESOURCE_EXHAUSTED",
      reason: "BUFFER_FULL",
    });
  }

  add(bytes: number): void {
    this.#records++;
    this.#added++;
    this.#bytes += bytes;
  }

  settle(records: number, bytes: number): void {
    this.#records -= records;
    this.#settled += records;
    this.#bytes -= bytes;
    while (this.#flushWaiters[0] && this.#flushWaiters[0].settled <= this.#settled) {
      this.#flushWaiters.shift()?.resolve();
    }
    if (this.#roomWaiters.length > 0 && this.hasRoom) {
      const waiters = this.#roomWaiters;
      this.#roomWaiters = [];
      for (const resolve of waiters) resolve();
    }
  }

  /** Resolves when there is room. */
  async room(signal?: AbortSignal): Promise<void> {
    while (!this.hasRoom) {
      await abortable(signal, (resolve) => this.#roomWaiters.push(resolve));
    }
  }

  /** Resolves when everything added until now is settled. Records settle in the order they were added. */
  async empty(signal?: AbortSignal): Promise<void> {
    const settled = this.#added;
    if (this.#settled >= settled) return;
    await abortable(signal, (resolve) => this.#flushWaiters.push({ settled, resolve }));
  }
}

function abortable(signal: AbortSignal | undefined, wait: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled(signal));
    const onAbort = () => reject(cancelled(signal as AbortSignal));
    signal?.addEventListener("abort", onAbort, { once: true });
    wait(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
  });
}
