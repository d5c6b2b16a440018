import pg from "pg";
import type { Logger } from "pino";
import { errorText } from "../core/errors.js";
import type { Turn } from "../core/in-turns.js";
import { cancelQuery } from "./cancel-query.js";
import { columnTypes } from "./column-types.js";
import { errorFromDatabase } from "./sqlstate.js";

export interface DatabaseSettings {
  /** A `postgresql://` URL. */
  readonly url: string;
  /** Connections this server holds at most. */
  readonly maxConnections: number;
  /** How long a caller waits for one of them, and for the server to accept a new one. */
  readonly connectTimeoutMs: number;
  /** How long one statement may run before it is ended. */
  readonly statementTimeoutMs: number;
  /** Whether statements are prepared by name; not through PgBouncer in transaction mode before 1.21. */
  readonly preparedStatements: boolean;
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
  /** Runs one statement in a transaction of its own. */
  run<R extends readonly unknown[]>(statement: Statement): Promise<R[]>;
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

/**
 * How long a transaction that holds locks may wait for its server. One that stands still, or whose machine is gone
 * without a word, must not keep the others from writing; the flush of one that was only slow is tried again.
 */
const LONGEST_IDLE_MS = 5000;

/**
 * How rows are found by key: by plans that are made once, whatever is asked for. By the value of a tenant that came after
 * Postgres made its statistics there are no rows: then any index that begins with the tenant is as good as its key, and all
 * that the tenant has was read for each row. Such a plan may also be made while there are hardly any rows, for which an
 * index looks dear.
 */
const BY_KEY = "; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off";

/**
 * Statements that begin a transaction as one tenant, which must be a UUID. One that
 * only reads does so as a role that may call no routine of the append path; one
 * that writes finds what it reads by key.
 */
export function beginAs(tenantId: string, mode: "READ ONLY" | "READ WRITE", byKey = false): string {
  // What writes does not insist: of a database that was told to be read-only it says so, however it writes.
  const [isolation, role] =
    mode === "READ ONLY"
      ? ["REPEATABLE READ READ ONLY", "holdfast_runtime"]
      : ["READ COMMITTED", "holdfast_writer"];
  const locking =
    mode === "READ ONLY" ? "" : `; SET LOCAL idle_in_transaction_session_timeout = ${LONGEST_IDLE_MS}`;
  const planning = byKey || mode === "READ WRITE" ? BY_KEY : "";
  // SET takes no parameters. A tenant id is a UUID by the time it is in a principal.
  return (
    `BEGIN ISOLATION LEVEL ${isolation}; SET LOCAL ROLE ${role}; ` +
    `SET LOCAL timezone = 'UTC'; SET LOCAL holdfast.tenant = '${tenantId}'${locking}${planning}`
  );
}

/** How much later than the caller's own deadline a statement ends: the caller is told of the deadline. */
const DEADLINE_MARGIN_MS = 50;

function boundBy(deadline: Date | undefined, statementTimeoutMs: number): string {
  const remainingMs = deadline ? deadline.getTime() - Date.now() + DEADLINE_MARGIN_MS : statementTimeoutMs;
  const boundMs = Math.min(Math.max(1, Math.ceil(remainingMs)), statementTimeoutMs);
  return `; SET LOCAL statement_timeout = ${boundMs}`;
}

export function openDatabase(settings: DatabaseSettings, logger: Logger): Database {
  const pool = new pg.Pool({
    connectionString: settings.url,
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
  // A connection may be ended in the very message that completes it, or while
  // someone holds it: an error nobody listens to would end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  let closing = false;
  pool.on("error", (error) => {
    if (!closing) logger.warn({ reason: errorText(error) }, "an idle database connection was lost");
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
    ...(name !== undefined && settings.preparedStatements && { name }),
  });

  const connect = async (): Promise<pg.PoolClient> => {
    try {
      return await pool.connect();
    } catch (error) {
      throw errorFromDatabase(error);
    }
  };
  const withConnection: WithClient = async (use) => {
    const client = await connect();
    let broken: Error | boolean = false;
    try {
      return await use(runOn(client), client);
    } catch (error) {
      broken = isLost(client, error);
      if (isSilent(error)) endUnheard(client);
      throw errorFromDatabase(error);
    } finally {
      client.release(broken);
    }
  };

  return {
    ...connections(withConnection, settings),
    lane() {
      let held: Promise<pg.PoolClient> | undefined;
      const onHeld: WithClient = async (use) => {
        held ??= connect();
        const holding = held;
        let client: pg.PoolClient | undefined;
        try {
          client = await holding;
          return await use(runOn(client), client);
        } catch (error) {
          // Of everything that was under way on a lost connection the first to hear of it lets it go.
          if (held === holding && (!client || isLost(client, error))) {
            held = undefined;
            if (client && isSilent(error)) endUnheard(client);
            client?.release(true);
          }
          throw errorFromDatabase(error);
        }
      };
      return {
        ...connections(onHeld, settings),
        release() {
          void held?.then(
            (client) => client.release(!isQueryable(client)),
            () => {},
          );
          held = undefined;
        },
      };
    },
    get connections() {
      return { open: pool.totalCount, inUse: pool.totalCount - pool.idleCount, waiting: pool.waitingCount };
    },
    close() {
      closing = true;
      return pool.end();
    },
  };
}

type WithClient = <T>(use: (run: Run, client: pg.PoolClient) => Promise<T>) => Promise<T>;

function connections(withConnection: WithClient, { statementTimeoutMs }: DatabaseSettings): Connections {
  return {
    withConnection: (use) => withConnection((run) => use(run)),
    run: (statement) => withConnection((run) => run(statement)),
    read: (tenantId, read, { signal, deadline, byKey, turn } = {}) =>
      withConnection(async (run, client) => {
        // Nobody may be waiting since this waited for a connection.
        signal?.throwIfAborted();
        let cancelled: Promise<void> | undefined;
        const onAbort = () => {
          cancelled = cancelQuery(client);
        };
        const begun = run(beginAs(tenantId, "READ ONLY", byKey) + boundBy(deadline, statementTimeoutMs));
        begun.catch(() => {});
        signal?.addEventListener("abort", onAbort, { once: true });
        try {
          const result = await read(turn ? inTurn(run, turn) : run);
          await begun;
          return result;
        } finally {
          signal?.removeEventListener("abort", onAbort);
          // Whoever has the connection next must not be hit by it.
          await cancelled;
          await run("COMMIT").catch(() => {});
        }
      }),
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

// Closing the connection would not end what it runs: Postgres looks at it again when that is done.
function endUnheard(client: pg.PoolClient): void {
  void cancelQuery(client);
}

function isLost(client: pg.PoolClient, error: unknown): boolean {
  return !isQueryable(client) || isSilent(error);
}

// Nothing came back in time: what still comes on this connection belongs to nobody.
function isSilent(error: unknown): boolean {
  return error instanceof Error && error.message === "Query read timeout";
}

function isQueryable(client: pg.PoolClient): boolean {
  return (client as unknown as { _queryable: boolean })._queryable;
}
