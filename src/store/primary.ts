import { type PostgresHost, type PostgresHosts, parsePostgresHosts } from "../core/postgres-hosts.js";
import { choosePrimary, type WritableServer } from "./choose-primary.js";
import { findHost } from "./find-host.js";
import { findPrimary } from "./find-primary.js";
import { NoPrimaryError } from "./no-primary-error.js";
import type { ServerIdentity } from "./server-identity.js";
import { watchHosts } from "./watch-hosts.js";

/** Where a connection leads. */
export interface Place {
  /** Undefined where the URL names one server, which the driver reads from it. */
  readonly host: PostgresHost | undefined;
  /** Grows each time that connections made before lead to a server that must not be written to. */
  readonly generation: number;
}

/**
 * Knows which server of a connection URL is the primary. All connections to a database ask it: the pool, the probe, the
 * listener, what migrates and what archives. It remembers what it found until a connection fails or a server refuses a
 * write because it is read-only. Then the next connection makes it look again.
 *
 * While connections are open it also asks the other servers whether they take writes. A standby may be promoted while its
 * primary still takes writes: then the one of the higher timeline is the primary, and connections to the other are cut.
 */
export class Primary {
  readonly #hosts: PostgresHosts;
  readonly #listeners = new Set<() => void>();
  /** How to cut each connection that is open or being made. */
  readonly #connections = new Set<() => void>();
  #stopWatching: (() => void) | undefined;
  /** The one in use; kept while it is looked for again, to tell whether it moved. */
  #host: PostgresHost | undefined;
  /** The server written to last; undefined where any host will do. */
  #server: ServerIdentity | undefined;
  #isKnown = false;
  #isConflicting = false;
  #looking: Promise<void> | undefined;
  #generation = 0;
  /** Whether it is known already that no connection takes writes: a server may run on a standby, to read. */
  #isReadOnly = false;

  /** @throws RangeError for a list of hosts or a `target_session_attrs` that cannot be used. */
  constructor(url: string) {
    this.#hosts = parsePostgresHosts(url);
  }

  /** For the driver; where there are several hosts, the place says which one. */
  get url(): string {
    return this.#hosts.url;
  }

  get target(): PostgresHosts["target"] {
    return this.#hosts.target;
  }

  /** The host in use, or the only one; undefined while several are looked at. For messages. */
  get host(): PostgresHost | undefined {
    return this.#isList ? this.#host : this.#hosts.hosts[0];
  }

  get generation(): number {
    return this.#generation;
  }

  /** Where to connect. @throws NoPrimaryError when there is no server to connect to. */
  async locate(): Promise<Place> {
    if (this.#isList && !this.#isKnown) {
      // Many connections may be lost at once: one look is for all.
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
      await this.#looking;
    }
    return { host: this.#host, generation: this.#generation };
  }

  /** A connection is being made. `cut` is called once it must not be used for anything any more. Answers how to tell that it is closed. */
  opened(cut: () => void): () => void {
    this.#connections.add(cut);
    if (this.#isList && this.target !== "any") {
      this.#stopWatching ??= watchHosts(
        this.#hosts,
        (host) => host === this.#host,
        (server) => this.#meet(server),
      );
    }
    return () => {
      this.#connections.delete(cut);
      if (this.#connections.size > 0) return;
      this.#stopWatching?.();
      this.#stopWatching = undefined;
    };
  }

  /** A connection to this place was lost, or could not be made. */
  lost({ host }: Place): void {
    if (host === this.#host) this.#isKnown = false;
  }

  /** Makes the next connection look where the primary is, whatever was found before. */
  lookAgain(): void {
    this.#isKnown = false;
  }

  /** The server at this place refused a write, because it is read-only: nobody is to go on with connections to it. */
  refusedWrites(place: Place): void {
    this.lost(place);
    // Of many refusals on old connections only the first tells anything.
    if (this.#isReadOnly || place.generation !== this.#generation) return;
    this.#move();
    this.#isReadOnly = true;
  }

  /** A connection took a write: the next refusal is news again. */
  tookWrites(): void {
    this.#isReadOnly = false;
  }

  /** Calls the listener each time that connections made before must not be used any more. Answers how to stop that. */
  onMoved(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get #isList(): boolean {
    return this.#hosts.hosts.length > 1;
  }

  async #look(): Promise<void> {
    if (this.target === "any") return this.#use({ host: await findHost(this.#hosts), server: undefined });
    try {
      const before = { host: this.#host, server: this.#server, isConflicting: this.#isConflicting };
      this.#use(await findPrimary(this.#hosts, before));
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  /** Another server than the one in use takes writes. */
  #meet(server: WritableServer): void {
    // While it is looked for the look decides, which asks all of them.
    if (!this.#isKnown || this.#looking || !this.#host || !this.#server) return;
    try {
      this.#use(choosePrimary([{ host: this.#host, server: this.#server }, server]));
    } catch (error) {
      this.#failed(error);
    }
  }

  #use({ host, server }: { readonly host: PostgresHost; readonly server: ServerIdentity | undefined }): void {
    const isAnother = this.#host !== undefined && this.#host !== host;
    this.#host = host;
    this.#server = server;
    this.#isKnown = true;
    this.#isConflicting = false;
    if (!isAnother) return;
    // Where any host will do, the one before may do as well for what is under way on it.
    if (server) this.#leave();
    else this.#move();
  }

  #failed(error: unknown): void {
    if (!(error instanceof NoPrimaryError) || error.reason !== "conflicting") return;
    this.#isConflicting = true;
    this.#isKnown = false;
    if (this.#host === undefined) return;
    this.#host = undefined;
    this.#leave();
  }

  /**
   * Cuts what is connected to the server used before. It may be alive, and a COMMIT there may wait for a standby that was
   * promoted. What is under way there has an unknown outcome, and is tried again under the same ids at the new primary.
   */
  #leave(): void {
    this.#move();
    for (const cut of [...this.#connections]) cut();
  }

  #move(): void {
    this.#isReadOnly = false;
    this.#generation += 1;
    for (const listener of [...this.#listeners]) listener();
  }
}
