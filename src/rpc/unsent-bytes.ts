import { TurnQueue } from "../core/turn-queue.js";

export interface UnsentBytesSettings {
  /** Bytes of answers that clients have not read, of all tenants. */
  readonly maxUnsentBytes: number;
  /** The same of one tenant. */
  readonly maxTenantUnsentBytes: number;
}

/**
 * Bytes of a large answer: for so many that are free one call is woken, and the next a turn of the event loop later. If
 * more were woken than find room, those whose turn it is could lose it to others.
 */
const LARGE_ANSWER_BYTES = 1024 * 1024;

/**
 * The bytes of all answers that the server holds because their clients have not read them, by tenant.
 *
 * A tenant has room below its own limit while the server is below its limit. When the server is at its limit, tenants
 * below their fair share of it still have room. A tenant with nothing unsent always has room for one answer, so one whose
 * clients read is never kept waiting by others.
 */
export class UnsentBytes {
  readonly #settings: UnsentBytesSettings;
  /** Bytes of each tenant that has some. */
  readonly #tenants = new Map<string, number>();
  /** Calls that wait for room, by tenant. The connections of a tenant take turns. */
  readonly #waiting = new Map<string, TurnQueue<() => void>>();
  #total = 0;
  #isWakeDue = false;

  constructor(settings: UnsentBytesSettings) {
    this.#settings = settings;
  }

  get total(): number {
    return this.#total;
  }

  /** Calls that wait for room. */
  get waiting(): number {
    let count = 0;
    for (const calls of this.#waiting.values()) count += calls.size;
    return count;
  }

  add(tenantId: string, bytes: number): void {
    this.#total += bytes;
    this.#tenants.set(tenantId, (this.#tenants.get(tenantId) ?? 0) + bytes);
  }

  remove(tenantId: string, bytes: number): void {
    const left = (this.#tenants.get(tenantId) ?? 0) - bytes;
    this.#total -= bytes;
    if (left > 0) this.#tenants.set(tenantId, left);
    else this.#tenants.delete(tenantId);
    this.#wakeSoon();
  }

  /** Bytes that a tenant may still leave unread; 0 when it has to wait. */
  free(tenantId: string): number {
    const held = this.#tenants.get(tenantId);
    const { maxUnsentBytes, maxTenantUnsentBytes } = this.#settings;
    if (held === undefined) return Math.max(1, Math.min(maxTenantUnsentBytes, maxUnsentBytes - this.#total));
    const fairShare = Math.floor(maxUnsentBytes / this.#tenants.size);
    const ofServer = Math.max(maxUnsentBytes - this.#total, fairShare - held);
    return Math.max(0, Math.min(maxTenantUnsentBytes - held, ofServer));
  }

  /**
   * Resolves when a tenant may have room again, or when the signal aborts. Connections of a tenant take turns: one with
   * many calls that are not read does not keep the call of another waiting.
   */
  async freed(tenantId: string, connection: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const calls = this.#waiting.get(tenantId) ?? new TurnQueue();
      this.#waiting.set(tenantId, calls);
      const resume = () => {
        signal.removeEventListener("abort", resume);
        calls.delete(connection, resume);
        if (calls.size === 0 && this.#waiting.get(tenantId) === calls) this.#waiting.delete(tenantId);
        resolve();
      };
      signal.addEventListener("abort", resume);
      calls.add(connection, resume);
    });
  }

  #wakeSoon(): void {
    if (this.#isWakeDue || this.#waiting.size === 0) return;
    this.#isWakeDue = true;
    setImmediate(() => {
      this.#isWakeDue = false;
      this.#wake();
    });
  }

  /** Wakes those there is room for. One that is woken may leave the room to others, so this goes on while there is some. */
  #wake(): void {
    let isRoomLeft = false;
    for (const [tenantId, calls] of [...this.#waiting]) {
      for (let free = this.free(tenantId); free > 0 && calls.size > 0; free -= LARGE_ANSWER_BYTES)
        calls.take()?.();
      isRoomLeft ||= this.#waiting.has(tenantId) && this.free(tenantId) > 0;
    }
    if (isRoomLeft) this.#wakeSoon();
  }
}
