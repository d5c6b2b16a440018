import { type PostgresHost, type PostgresHosts, parsePostgresHosts } from "../core/postgres-hosts.js";
import { findHost } from "./find-host.js";

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
 */
export class Primary {
  readonly #hosts: PostgresHosts;
  readonly #listeners = new Set<() => void>();
  /** The one in use; kept while it is looked for again, to tell whether it moved. */
  #host: PostgresHost | undefined;
  #isKnown = false;
  #looking: Promise<PostgresHost> | undefined;
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

  /** The only host, for messages. */
  get onlyHost(): PostgresHost | undefined {
    return this.#hosts.hosts[0];
  }

  get generation(): number {
    return this.#generation;
  }

  /** Where to connect. @throws NoPrimaryError when there is no server to connect to. */
  async locate(): Promise<Place> {
    if (this.#hosts.hosts.length < 2) return { host: undefined, generation: this.#generation };
    if (!this.#isKnown) {
      // Many connections may be lost at once: one look is for all.
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
      await this.#looking;
    }
    return { host: this.#host, generation: this.#generation };
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
    this.#isReadOnly = true;
    this.#move();
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

  async #look(): Promise<PostgresHost> {
    const found = await findHost(this.#hosts);
    const hasMoved = this.#host !== undefined && this.#host !== found;
    this.#host = found;
    this.#isKnown = true;
    if (!hasMoved) return found;
    this.#isReadOnly = false;
    this.#move();
    return found;
  }

  #move(): void {
    this.#generation += 1;
    for (const listener of [...this.#listeners]) listener();
  }
}
