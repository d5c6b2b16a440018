import type { LookupAddress } from "node:dns";
import { HoldfastError } from "../holdfast-error.js";
import type { Address, Target } from "./target.js";

/** All addresses of a name. Rejects when it has none. */
export type Lookup = (host: string) => Promise<readonly LookupAddress[]>;

/** Milliseconds between two looks at what names stand for, while all is well: a server that is new is found so late. */
const LOOK_EVERY_MS = 30_000;
/** Milliseconds after which it is looked again when a server is away: perhaps another one has taken its place. */
const LOOK_AGAIN_MS = 2_000;

export interface AddressEvents {
  /** Told of all addresses whenever it was looked; once, at once, when there are no names. */
  onFound(addresses: readonly Address[]): void;
  /** Whether none of them can be reached. */
  areLost(): boolean;
}

/** The addresses that targets stand for, now and as names change. */
export class AddressList {
  readonly #targets: readonly Target[];
  readonly #lookup: Lookup;
  readonly #events: AddressEvents;
  readonly #found = new Map<Target, readonly Address[]>();
  /** Of names with addresses of both kinds: the kind that is used. */
  readonly #families = new Map<Target, number>();
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #failure: unknown;
  #isClosed = false;

  constructor(targets: readonly Target[], lookup: Lookup, events: AddressEvents) {
    this.#targets = targets;
    this.#lookup = lookup;
    this.#events = events;
    for (const target of targets) if ("addresses" in target) this.#found.set(target, target.addresses);
    if (this.isFixed) this.#tell();
  }

  get isFixed(): boolean {
    return this.#targets.every((target) => "addresses" in target);
  }

  /** Resolves when addresses are known. Throws UNAVAILABLE when no name has any. */
  async known(): Promise<void> {
    if (this.isFixed || this.#isClosed) return;
    this.#timer ??= setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
    if (this.#found.size > 0) return;
    await this.#look();
    if (this.#found.size > 0) return;
    const names = this.#targets.map((target) => ("host" in target ? target.host : ""));
    throw new HoldfastError(`expected a name that has addresses, got ${names.join(", ")}`, {
      code: "UNAVAILABLE",
      cause: this.#failure,
    });
  }

  /** Looks again soon. */
  lookAgain(): void {
    if (this.isFixed || this.#isClosed) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      // Perhaps this machine reaches the other kind of addresses.
      const isOther = this.#events.areLost();
      for (const [target, family] of this.#families) {
        if (isOther) this.#families.set(target, family === 4 ? 6 : 4);
      }
      void this.#look();
    }, LOOK_AGAIN_MS).unref();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const looks = this.#targets.map(async (target) => {
      if ("addresses" in target) return;
      try {
        this.#found.set(target, this.#addressesOf(target, await this.#lookup(target.host)));
      } catch (thrown) {
        // Name servers fail too: what was known stays.
        this.#failure = thrown;
      }
    });
    await Promise.all(looks);
    if (!this.#isClosed && this.#found.size > 0) this.#tell();
  }

  /**
   * A server often has an IPv4 address and an IPv6 address under one name. Of each kind one may be the same server, and
   * grpc-js tries both. Of more, those of one kind are used, so that no server has two connections.
   */
  #addressesOf(
    target: Extract<Target, { host: string }>,
    found: readonly LookupAddress[],
  ): readonly Address[] {
    const { host, port } = target;
    const v4 = found.filter(({ family }) => family === 4);
    const v6 = found.filter(({ family }) => family === 6);
    if (v4.length <= 1 && v6.length <= 1) return [{ target: `dns:${host}:${port}` }];
    let family = this.#families.get(target) ?? found[0]?.family ?? 4;
    if (v4.length === 0 || v6.length === 0) family = v4.length > 0 ? 4 : 6;
    else this.#families.set(target, family);
    return family === 4
      ? v4.map(({ address }) => ({ target: `ipv4:${address}:${port}`, name: { host, port } }))
      : v6.map(({ address }) => ({ target: `ipv6:[${address}]:${port}`, name: { host, port } }));
  }

  #tell(): void {
    this.#events.onFound([...this.#found.values()].flat());
  }
}
