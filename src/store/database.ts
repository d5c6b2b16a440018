import pg from "pg";
import type { Logger } from "pino";
import { errorText } from "../core/errors.js";
import type { Turn } from "../core/in-turns.js";
import { beginAs } from "./begin-as.js";
import { cancelQuery } from "./cancel-query.js";
import { columnTypes } from "./column-types.js";
import { PreparedStatements, type UsePreparedStatements } from "./prepared-statements.js";
import { Primary } from "./primary.js";
import { PrimaryClient } from "./primary-client.js";
import { errorFromDatabase } from "./sqlstate.js";

export interface DatabaseSettings {
  /** A `postgresql://` URL, or what knows already which of its servers is the primary. */
  readonly url: string | Primary;
  /** Connections this server holds at most. */
  readonly maxConnections: number;
  /** How long a caller waits for one of them, and for the server to accept a new one. */
  readonly connectTimeoutMs: number;
  /** How long one read may run before it is ended, and how long the answer to one write is waited for. */
  readonly statementTimeoutMs: number;
  /** Whether statements are prepared by name. */
  readonly preparedStatements: UsePreparedStatements;
}

/** How much later than a statement should have ended its connection counts as lost, in ms. */
const SILENCE_MARGIN_MS = 1000;

/** One statement with its parameters; `name` lets a connection prepare it once. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
  readonly name?: string;
}

/** Runs statements on one connection without waiting between them; rows are arrays in column order. */
export type Run = <R extends readonly unknown[]>(statement: Statement | string) => Promise<R[]>;

/** Who waits for what is read; a call's context is one. */
export interface ReadBounds {
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal;
  /** When that will be at the latest. */
  readonly deadline: Date | undefined;
  /** When what was read may be worked on; at once without it. */
  readonly turn?: Turn;
}

/** How something is read. */
export interface ReadOptions extends Partial<ReadBounds> {
  /** Every row is found by its key, or by that of another: nothing is looked for. */
  readonly byKey?: boolean;
}

/** Where statements run. */
export interface Connections {
  /**
   * Runs one statement in a transaction of its own. One whose answer does not come in time is left alone, as whatever may
   * write is: then its outcome is not known.
   */
  run<R extends readonly unknown[]>(statement: Statement): Promise<R[]>;
  /** Reads what is of no one tenant, in one snapshot, as {@link Connections.read} does. */
  readAll<T>(read: (run: Run) => Promise<T>): Promise<T>;
  /**
   * Reads as one tenant, in one snapshot: what `read` asks for before it first
   * waits travels in one round trip with the transaction's beginning. Its
   * statements end when nobody waits any more, as the options say.
   */
  read<T>(tenantId: string, read: (run: Run) => Promise<T>, options?: ReadOptions): Promise<T>;
  /** One connection for several steps under `BEGIN` and `COMMIT`. */
  withConnection<T>(use: (run: Run) => Promise<T>): Promise<T>;
}

/** Everything runs on a connection that nobody else uses meanwhile. */
export interface Database extends Connections {
  lane(): Lane;
  /** Connections at the moment, and callers that wait for one: to them whoever holds one longer than it must gives it back. */
  readonly connections: { readonly open: number; readonly inUse: number; readonly waiting: number };
  close(): Promise<void>;
}

/**
 * One connection, taken when first used and kept until released. Statements run
 * on it in the order they are given, without waiting for each other; after it is
 * lost the next use takes another one.
 */
export interface Lane extends Connections {
  /** Gives the connection back. Only while nothing runs on it. */
  release(): void;
}

/** How much later than the caller's own deadline a statement ends: the caller is told of the deadline. */
const DEADLINE_MARGIN_MS = 50;

function boundBy(deadline: Date | undefined, statementTimeoutMs: number): string {
  const remainingMs = deadline ? deadline.getTime() - Date.now() + DEADLINE_MARGIN_MS : statementTimeoutMs;
  const boundMs = Math.min(Math.max(1, Math.ceil(remainingMs)), statementTimeoutMs);
  return `; SET LOCAL statement_timeout = ${boundMs}`;
}

export function openDatabase(settings: DatabaseSettings, logger: Logger): Database {
  const primary = settings.url instanceof Primary ? settings.url : new Primary(settings.url);
  const prepared = new PreparedStatements(settings.preparedStatements, logger);
  const pool = new pg.Pool({
    Client: PrimaryClient.of(primary) as unknown as new () => PrimaryClient,
    onConnect: (client) => prepared.connected(client),
    max: settings.maxConnections,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    // Not `statement_timeout`, which would be asked for as connections begin: poolers in transaction mode refuse that.
    query_timeout: settings.statementTimeoutMs + SILENCE_MARGIN_MS,
    application_name: "holdfast",
    keepAlive: true,
    types: columnTypes,
    // Client option that the pool passes on: send without waiting for answers.
    ...({ pipeline: true } as object),
  });
  let closing = false;
  pool.on("error", (error) => {
    if (!closing) logger.warn({ reason: errorText(error) }, "an idle database connection was lost");
  });

  const takeNone = primary.onMoved(() => {
    for (let n = pool.idleCount; n > 0; n -= 1) {
      pool.connect().then(
        (client) => client.release(isStale(client)),
        () => {},
      );
    }
  });

  const runOn =
    (client: pg.PoolClient): Run =>
    async <R extends readonly unknown[]>(statement: Statement | string): Promise<R[]> => {
      const query = typeof statement === "string" ? { text: statement } : named(statement);
      const result = await client.query<R>({ ...query, rowMode: "array" } as pg.QueryArrayConfig);
      return result.rows;
    };
  const named = ({ text, values, name }: Statement) => ({
    text,
    ...(values && { values: [...values] }),
    ...(name !== undefined && prepared.areUsed && { name }),
  });

  const connect = async (): Promise<pg.PoolClient> => {
    try {
      for (;;) {
        const client = await pool.connect();
        if (!isStale(client)) return client;
        client.release(true);
      }
    } catch (error) {
      throw errorFromDatabase(error);
    }
  };
  const isUnusable = (client: pg.PoolClient, error: unknown): boolean => {
    prepared.failed(error);
    return (client as unknown as PrimaryClient).refusedWrites(error) || isLost(client, error);
  };
  const withConnection: WithClient = async (use) => {
    const client = await connect();
    let broken: Error | boolean = false;
    try {
      return await use(runOn(client), client);
    } catch (error) {
      broken = isUnusable(client, error);
      throw errorFromDatabase(error);
    } finally {
      client.release(broken);
    }
  };

  return {
    ...connections(withConnection, settings, cancelQuery),
    lane() {
      let held: Promise<pg.PoolClient> | undefined;
      let generation = 0;
      let underWay = 0;
      const release = () => {
        void held?.then(
          (client) => client.release(!isQueryable(client) || isStale(client)),
          () => {},
        );
        held = undefined;
      };
      const onHeld: WithClient = async (use) => {
        if (underWay === 0 && generation !== primary.generation) release();
        if (!held) generation = primary.generation;
        held ??= connect();
        const holding = held;
        let client: pg.PoolClient | undefined;
        underWay += 1;
        try {
          client = await holding;
          return await use(runOn(client), client);
        } catch (error) {
          // Of everything that was under way on a lost connection the first to hear of it lets it go.
          if (held === holding && (!client || isUnusable(client, error))) {
            held = undefined;
            client?.release(true);
          }
          throw errorFromDatabase(error);
        } finally {
          underWay -= 1;
        }
      };
      return {
        // What is sent on a lane is behind flushes, and would be cancelled with one of them.
        ...connections(onHeld, settings, () => Promise.resolve(true)),
        release,
      };
    },
    get connections() {
      return { open: pool.totalCount, inUse: pool.totalCount - pool.idleCount, waiting: pool.waitingCount };
    },
    close() {
      closing = true;
      takeNone();
      return pool.end();
    },
  };
}

type WithClient = <T>(use: (run: Run, client: pg.PoolClient) => Promise<T>) => Promise<T>;

function connections(
  withConnection: WithClient,
  { statementTimeoutMs }: DatabaseSettings,
  cancel: typeof cancelQuery,
): Connections {
  const readAfter = <T>(
    begin: string,
    read: (run: Run) => Promise<T>,
    { signal, deadline, turn }: Partial<ReadBounds> = {},
  ): Promise<T> =>
    withConnection(async (run, client) => {
      // Nobody may be waiting since this waited for a connection.
      signal?.throwIfAborted();
      let cancelled: Promise<boolean> | undefined;
      const onAbort = () => {
        cancelled = cancel(client);
      };
      const begun = run(begin + boundBy(deadline, statementTimeoutMs));
      begun.catch(() => {});
      signal?.addEventListener("abort", onAbort, { once: true });
      try {
        const result = await read(turn ? inTurn(run, turn) : run);
        await begun;
        return result;
      } finally {
        signal?.removeEventListener("abort", onAbort);
        // Whoever has the connection next must not be hit by it: nobody has it when that is not certain.
        if ((await cancelled) === false) (client as unknown as PrimaryClient).cut();
        await run("COMMIT").catch(() => {});
      }
    });
  return {
    withConnection: (use) => withConnection((run) => use(run)),
    run: (statement) => withConnection((run) => run(statement)),
    read: (tenantId, read, options = {}) =>
      readAfter(beginAs(tenantId, "READ ONLY", options.byKey), read, options),
    readAll: (read) => readAfter("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", read),
  };
}

/** Runs statements, and gives what they answer when it may be worked on. */
function inTurn(run: Run, turn: Turn): Run {
  return async (statement) => {
    const rows = await run(statement);
    await turn();
    return rows as never;
  };
}

function isLost(client: pg.PoolClient, error: unknown): boolean {
  return !isQueryable(client) || isSilent(error);
}

// Nothing came back in time: what still comes on this connection belongs to nobody.
function isSilent(error: unknown): boolean {
  return error instanceof Error && error.message === "Query read timeout";
}

function isStale(client: pg.PoolClient): boolean {
  return (client as unknown as PrimaryClient).isStale;
}

function isQueryable(client: pg.PoolClient): boolean {
  return (client as unknown as { _queryable: boolean })._queryable;
}
