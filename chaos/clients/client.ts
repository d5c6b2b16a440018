import { setMaxListeners } from "node:events";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type Holdfast, HoldfastError } from "@holdfast/client";
import type { Guarantee } from "../checks/guarantee.js";
import { monotonicMs } from "../clock.js";
import type { LaneLine, LedgerLine } from "../ledger/ledger-line.js";
import { LineFile } from "../ledger/line-file.js";
import { LANES_PER_CLIENT } from "../ledger/token.js";
import { createRandom, type Random } from "../random.js";
import type { ClientOptions } from "./client-options.js";
import { Lane } from "./lane.js";

/** Sooner than by default, so that a connection nobody answers on is noticed within a fault. */
const KEEPALIVE_MS = 2_000;
const DEADLINE_MS = 4_000;

/** What the roles of one client process share. */
export class Client {
  readonly ledger: LineFile<LedgerLine>;
  readonly random: Random;
  /** No new writes from then on. */
  readonly stop = new AbortController();
  /** Where each tenant's log ended, once all writers have stopped. */
  readonly heads: Promise<Readonly<Record<string, number>>>;
  /** Says where. */
  finish: (heads: Readonly<Record<string, number>>) => void = () => {};
  readonly #options: ClientOptions;
  readonly #connections: Holdfast[] = [];
  readonly #reads = new Map<string, number>();
  #lanes = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
    // Every role waits for it in several places.
    setMaxListeners(0, this.stop.signal);
    this.ledger = new LineFile(options.ledger);
    this.random = createRandom(options.seed);
    this.heads = new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  /** Where a run has its files. */
  get directory(): string {
    return dirname(this.#options.ledger);
  }

  get number(): number {
    return this.#options.client;
  }

  connect(tenant: string, address: number, more: { readonly deadlineMs?: number } = {}): Holdfast {
    const holdfast = connect({ ...this.connection(tenant, address), ...more });
    this.#connections.push(holdfast);
    return holdfast;
  }

  /** How to connect. */
  connection(tenant: string, address: number) {
    const { addresses } = this.#options;
    return {
      address: addresses[address % addresses.length] as string,
      tenantId: tenant,
      keepaliveMs: KEEPALIVE_MS,
      deadlineMs: DEADLINE_MS,
    };
  }

  lane(line: Omit<LaneLine, "k" | "lane">): Lane {
    const lane = this.number * LANES_PER_CLIENT + this.#lanes;
    this.#lanes += 1;
    this.ledger.write({ k: "lane", lane, ...line });
    return new Lane(lane, this.ledger);
  }

  saw(guarantee: Guarantee, text: string): void {
    this.ledger.write({ k: "saw", guarantee, text, t: monotonicMs() });
  }

  /** Notes that something was read and was right. */
  read(what: string): void {
    this.#reads.set(what, (this.#reads.get(what) ?? 0) + 1);
  }

  /** Waits, until it is stopped. */
  async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.stop.signal }).catch(() => {});
  }

  /** Tries until it works, as it must once the faults are over; undefined when stopped before. */
  async insist<T>(work: () => Promise<T>): Promise<T | undefined> {
    while (!this.stop.signal.aborted) {
      try {
        return await work();
      } catch (thrown) {
        const error = HoldfastError.from(thrown);
        if (!error.retryable && error.code !== "DEADLINE_EXCEEDED") throw error;
        await this.pause(50);
      }
    }
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((each) => each.close({ timeoutMs: 1000 })));
    for (const [what, n] of this.#reads) this.ledger.write({ k: "reads", what, n });
    this.ledger.close();
  }
}
