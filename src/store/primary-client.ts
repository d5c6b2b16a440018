import pg from "pg";
import { formatHost } from "../core/postgres-hosts.js";
import { checkTarget } from "./check-target.js";
import { cutClient } from "./cut-client.js";
import { leadTo } from "./lead-to.js";
import { LocalCommitError, type Notice } from "./local-commit-error.js";
import type { Place, Primary } from "./primary.js";
import { databaseError, READ_ONLY } from "./sqlstate.js";

interface Internals {
  readonly _ending: boolean;
  readonly _queryable: boolean;
  readonly _connected: boolean;
  /** The statement whose answer is being received. */
  readonly _activeQuery: ActiveQuery | null;
  /** As ReadyForQuery told it last: `I` outside of a transaction. */
  readonly _txStatus: string | null;
}

interface ActiveQuery {
  handleReadyForQuery(connection: unknown): void;
  handleError(error: Error, connection: unknown): void;
}

/**
 * A connection to the primary, wherever it is when the connection is made. It tells {@link Primary} when it is lost, so its
 * user need not listen to its errors. A statement that commits fails with {@link LocalCommitError} when Postgres did not wait for
 * the synchronous standby to the end.
 */
export class PrimaryClient extends pg.Client {
  readonly #primary: Primary;
  #place: Place | undefined;

  constructor(primary: Primary, config: pg.ClientConfig) {
    super({ ...config, connectionString: primary.url });
    this.#primary = primary;
    this.on("error", () => this.#lost());
    this.on("notice", (notice) => this.#noticed(notice));
  }

  /** The class for a pool, which makes its connections itself. */
  static of(primary: Primary): new (config: pg.ClientConfig) => PrimaryClient {
    return class extends PrimaryClient {
      constructor(config: pg.ClientConfig) {
        super(primary, config);
      }
    };
  }

  /** Whether it leads to a server that is not the primary any more. */
  get isStale(): boolean {
    return this.#place !== undefined && this.#place.generation !== this.#primary.generation;
  }

  /** To be told of each error of a statement. Answers whether the connection must not be used any more for it. */
  refusedWrites(error: unknown): boolean {
    if (databaseError(error)?.code !== READ_ONLY) return false;
    if (this.#place) this.#primary.refusedWrites(this.#place);
    return true;
  }

  /** Whether it is connected, as far as is known. */
  get isUsable(): boolean {
    const { _connected, _queryable, _ending } = this as unknown as Internals;
    return _connected && _queryable && !_ending;
  }

  /** Closes the connection at once. Postgres is not told: what it runs for the connection goes on there. */
  cut(): void {
    cutClient(this);
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: (error: Error | null, client?: pg.Client) => void): void;
  override connect(
    callback?: (error: Error | null, client?: pg.Client) => void,
  ): Promise<pg.Client> | undefined {
    const connected = this.#connect();
    if (!callback) return connected;
    // Outside of the promise: what the callback throws is not a rejection that nobody handles.
    connected.then(
      () => process.nextTick(callback, null, this),
      (error: Error) => process.nextTick(callback, error),
    );
    return undefined;
  }

  async #connect(): Promise<pg.Client> {
    const place = await this.#primary.locate();
    if ((this as unknown as Internals)._ending) throw new Error("Connection terminated");
    this.#place = place;
    if (place.host) leadTo(this, place.host);
    const closed = this.#primary.opened(() => this.cut());
    this.once("end", closed);
    try {
      await super.connect();
      await checkTarget(this, this.#primary.target, formatHost(place.host ?? this.#primary.host ?? this));
      return this;
    } catch (error) {
      closed();
      this.#lost();
      // A pool forgets a connection that could not be made without closing it.
      void this.end().catch(() => {});
      throw error;
    }
  }

  // Answers come in the order of the statements, so a notice is of the statement that is being answered. Only when its answer
  // is complete does the status of the transaction tell whether it was the statement that committed.
  #noticed(notice: Notice): void {
    const { _activeQuery: query } = this as unknown as Internals;
    if (!query || !LocalCommitError.isToldBy(notice)) return;
    const succeed = query.handleReadyForQuery;
    query.handleReadyForQuery = (connection) => {
      const hasCommitted = (this as unknown as Internals)._txStatus === "I";
      if (hasCommitted) query.handleError(new LocalCommitError(notice), connection);
      else succeed.call(query, connection);
    };
  }

  #lost(): void {
    if (this.#place) this.#primary.lost(this.#place);
  }
}
