import { randomUUID } from "node:crypto";
import type { Primary } from "./primary.js";
import { PrimaryClient } from "./primary-client.js";
import { databaseUnavailable, errorFromDatabase } from "./sqlstate.js";

export interface BarrierSettings {
  readonly connectTimeoutMs: number;
  /** How long a barrier may take until its connection counts as lost, in ms. It is not cancelled. */
  readonly silenceMs: number;
  readonly onEnd?: OnBarrier;
}

/** Told how long each barrier took, and whether it was committed as durable as configured. */
export type OnBarrier = (seconds: number, isCommitted: boolean) => void;

/**
 * Commits that change nothing, each to prove that everything read before it began is as durable as configured. They run one
 * at a time on a connection of their own, which is made when it is first needed. Whoever asks while one is under way shares
 * the next with all others who ask.
 */
export class CommitBarrier {
  readonly #primary: Primary;
  readonly #settings: BarrierSettings;
  /** What its barriers lock, so that those given up do not gather in Postgres. */
  readonly #id = randomUUID();
  #client: PrimaryClient | undefined;
  #last: Promise<unknown> = Promise.resolve();
  /** The one that has not begun. */
  #next: Promise<string> | undefined;
  #isClosed = false;

  constructor(primary: Primary, settings: BarrierSettings) {
    this.#primary = primary;
    this.#settings = settings;
  }

  /**
   * Waits for a barrier that begins after this call, as long as its COMMIT waits.
   *
   * @returns the timeline it was committed on: after a promotion it says nothing of what the former primary had.
   * @throws DATABASE_UNAVAILABLE when it is not known whether it was committed as durable as configured.
   */
  pass(): Promise<string> {
    if (!this.#next) {
      this.#next = this.#last.then(() => {
        this.#next = undefined;
        return this.#commit();
      });
      this.#last = this.#next.catch(() => {});
    }
    return this.#next;
  }

  /** Ends the wait of all who wait. Postgres is not told: it ends the barrier by itself. */
  close(): void {
    this.#isClosed = true;
    this.#disconnect();
  }

  async #commit(): Promise<string> {
    if (this.#isClosed) throw databaseUnavailable();
    const since = performance.now();
    let isCommitted = false;
    try {
      const client = await this.#connect();
      const { rows } = await client.query<[timeline: string]>({
        text: "SELECT holdfast.commit_barrier($1)",
        values: [this.#id],
        rowMode: "array",
      });
      isCommitted = true;
      return rows[0]?.[0] ?? "";
    } catch (error) {
      this.#disconnect();
      throw errorFromDatabase(error);
    } finally {
      this.#settings.onEnd?.((performance.now() - since) / 1000, isCommitted);
    }
  }

  async #connect(): Promise<PrimaryClient> {
    const { connectTimeoutMs, silenceMs } = this.#settings;
    if (this.#client?.isUsable && !this.#client.isStale) return this.#client;
    this.#disconnect();
    const client = new PrimaryClient(this.#primary, {
      application_name: "holdfast barrier",
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: silenceMs,
      keepAlive: true,
    });
    this.#client = client;
    await client.connect();
    return client;
  }

  #disconnect(): void {
    this.#client?.cut();
    this.#client = undefined;
  }
}
