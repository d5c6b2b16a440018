import type { Client } from "@grpc/grpc-js";
import { AddressList, type Lookup } from "./address-list.js";
import { delay } from "./delay.js";
import { Endpoint } from "./endpoint.js";
import type { RetryPolicy } from "./retry-policy.js";
import { spreadStreams } from "./spread-streams.js";
import type { Address, Target } from "./target.js";

/** Connections of one client, however many addresses there are. With more, clients choose at random, each its own. */
const MAX_CONNECTIONS = 16;
/**
 * Milliseconds from the first use on in which it is waited for addresses of which nothing is known yet: calls wait until
 * one is known to serve, streams until all are known, since they stay where they are opened.
 */
const UNDECIDED_MS = 2_000;
/** Milliseconds that a server must have served before streams move to it: one that starts and fails takes none along. */
const STEADY_MS = 1_000;

const NONE: ReadonlySet<Endpoint> = new Set();

export interface EndpointsOptions {
  readonly targets: readonly Target[];
  readonly open: (address: Address) => Client;
  readonly lookup: Lookup;
  readonly retry: RetryPolicy;
}

/**
 * The addresses of a service and a channel to each, from the first use on.
 *
 * Where there are several, each server is asked for its health. Calls go to those that serve, one after the other: round
 * robin, since a server that fails fast would attract all calls if the number of unanswered ones decided. A stream goes to
 * where fewest are open, since streams stay for long. When a server begins to serve, streams are moved to it.
 */
export class Endpoints {
  readonly #options: EndpointsOptions;
  readonly #addresses: AddressList;
  readonly #endpoints = new Map<string, Endpoint>();
  /** Who waits for what. */
  readonly #waiting = new Set<{ readonly isDue: () => boolean; readonly listener: () => void }>();
  #isUsed = false;
  #decideBy = 0;
  #isClosed = false;
  #turn = 0;
  #steady: NodeJS.Timeout | undefined;

  constructor(options: EndpointsOptions) {
    this.#options = options;
    this.#addresses = new AddressList(options.targets, options.lookup, {
      onFound: (addresses) => this.#use(addresses),
      areLost: () => this.#serving().length === 0,
    });
  }

  /** Where to send a call, of those not tried, if there are any. Throws UNAVAILABLE while names have no addresses. */
  forCall(tried: ReadonlySet<Endpoint>): Endpoint | Promise<Endpoint> {
    const isDecided = () => this.#serving().length > 0 || this.#areAllKnown();
    return this.#only() ?? this.#decided(isDecided).then(() => this.#choose(tried, () => 0));
  }

  /** Where to open a stream. Throws UNAVAILABLE while names have no addresses. */
  forStream(): Endpoint | Promise<Endpoint> {
    const isDecided = () => this.#areAllKnown();
    return (
      this.#only() ?? this.#decided(isDecided).then(() => this.#choose(NONE, ({ streams }) => streams.size))
    );
  }

  /** Whether a server that was not tried serves. */
  hasOther(tried: ReadonlySet<Endpoint>): boolean {
    return this.#serving().some((endpoint) => !tried.has(endpoint));
  }

  /**
   * Calls back once, when there is a connection again; not at all while there is one, which then is not what is waited
   * for. The answer ends it.
   */
  onConnected(listener: () => void): () => void {
    const only = this.#only();
    if (only) return only.connection.onConnected(listener);
    const isDue = () => this.#serving().length > 0;
    return isDue() ? () => {} : this.#when(isDue, listener);
  }

  /** Calls in flight finish. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#steady);
    this.#addresses.close();
    for (const endpoint of this.#endpoints.values()) endpoint.close();
    this.#tell();
  }

  /** The one there is. It is used whatever its health. */
  #only(): Endpoint | undefined {
    if (this.#endpoints.size !== 1 || (!this.#isUsed && !this.#addresses.isFixed)) return undefined;
    return this.#endpoints.values().next().value;
  }

  #serving(): readonly Endpoint[] {
    return [...this.#endpoints.values()].filter(({ isServing }) => isServing);
  }

  #areAllKnown(): boolean {
    return ![...this.#endpoints.values()].some(({ isUndecided }) => isUndecided);
  }

  /** Waits until addresses are known, and enough of them. */
  async #decided(isDecided: () => boolean): Promise<void> {
    await this.#addresses.known();
    // Whoever asked finds the client closed.
    if (this.#isClosed) return;
    if (!this.#isUsed) {
      this.#isUsed = true;
      this.#decideBy = performance.now() + UNDECIDED_MS;
      this.#watch();
    }
    const waitMs = this.#decideBy - performance.now();
    const isDue = () => this.#isClosed || isDecided();
    if (waitMs > 0 && !isDue()) await delay(waitMs, undefined, (goOn) => this.#when(isDue, goOn));
  }

  /** Of the best there are, the next in turn of those with the lowest load. */
  #choose(tried: ReadonlySet<Endpoint>, loadOf: (endpoint: Endpoint) => number): Endpoint {
    const all = [...this.#endpoints.values()];
    const untried = all.filter((endpoint) => !tried.has(endpoint));
    // When none serves, a call tells why: one that only reads may even be answered.
    const tiers = [
      untried.filter(({ isServing }) => isServing),
      untried.filter(({ isConnected }) => isConnected),
      untried,
      all,
    ];
    const best = tiers.find(({ length }) => length > 0) ?? [];
    const least = Math.min(...best.map(loadOf));
    const equals = best.filter((endpoint) => loadOf(endpoint) === least);
    return equals[this.#turn++ % equals.length] as Endpoint;
  }

  #use(addresses: readonly Address[]): void {
    const wanted = new Map(addresses.map((address) => [address.target, address]));
    for (const [target, endpoint] of this.#endpoints) {
      if (wanted.has(target)) continue;
      this.#endpoints.delete(target);
      for (const stream of [...endpoint.streams]) stream.move();
      endpoint.close();
    }
    const fresh = [...wanted.keys()].filter((target) => !this.#endpoints.has(target));
    while (fresh.length > 0 && this.#endpoints.size < MAX_CONNECTIONS) {
      const [target] = fresh.splice(Math.floor(Math.random() * fresh.length), 1) as [string];
      this.#endpoints.set(target, new Endpoint(this.#options.open(wanted.get(target) as Address)));
    }
    if (this.#isUsed) this.#watch();
    this.#tell();
  }

  /** One address alone is not watched: nothing could be chosen by that. */
  #watch(): void {
    for (const endpoint of this.#endpoints.values()) {
      if (this.#endpoints.size === 1) endpoint.unwatch();
      else endpoint.watch(this.#options.retry, () => this.#changed(endpoint));
    }
  }

  #changed(endpoint: Endpoint): void {
    if (this.#isClosed) return;
    if (endpoint.isServing) {
      this.#steady ??= setTimeout(() => {
        this.#steady = undefined;
        spreadStreams(this.#serving());
      }, STEADY_MS).unref();
    } else if (!endpoint.isUndecided) this.#addresses.lookAgain();
    this.#tell();
  }

  /** Calls back once, when that is so. The answer ends it. */
  #when(isDue: () => boolean, listener: () => void): () => void {
    const waiting = { isDue, listener };
    this.#waiting.add(waiting);
    return () => void this.#waiting.delete(waiting);
  }

  #tell(): void {
    for (const waiting of [...this.#waiting]) {
      if (waiting.isDue() && this.#waiting.delete(waiting)) waiting.listener();
    }
  }
}
