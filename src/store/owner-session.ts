import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { columnTypes } from "./column-types.js";
import type { Connections, Run } from "./database.js";
import { Primary } from "./primary.js";
import { PrimaryClient } from "./primary-client.js";
import { errorFromDatabase } from "./sqlstate.js";

/**
 * One transaction of the login user, who owns the schema, for work on a whole
 * log or database at once. No limit of time applies to its statements.
 */
export interface OwnerSession {
  readonly run: Run;
  /** The driver's connection, within the transaction, for what else needs one. */
  readonly client: pg.Client;
  /** Runs a `COPY … TO STDOUT` and gives its bytes as they come, as fast as they are taken. */
  copyOut(statement: string): Readable;
  /** Runs a `COPY … FROM STDIN`. @returns the rows written */
  copyIn(statement: string, bytes: Uint8Array): Promise<number>;
  /** The same transaction as a Database: each `read` is bound to its tenant and leaves nothing behind. */
  readonly database: Connections;
}

/**
 * Opens a transaction, commits it if `use` resolves, and else leaves nothing of it.
 *
 * @param signal cuts the connection, whatever it is doing.
 */
export async function withOwnerSession<T>(
  url: string,
  mode: "READ ONLY" | "READ WRITE",
  use: (session: OwnerSession) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted();
  const client = new PrimaryClient(new Primary(url), {
    application_name: "holdfast archive",
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    types: columnTypes,
  });
  const cut = () => (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
  signal?.addEventListener("abort", cut);
  try {
    await client.connect();
    const session = createSession(client);
    // A reader sees one moment; a writer must see what others committed before it took its locks.
    const isolation = mode === "READ ONLY" ? "REPEATABLE READ" : "READ COMMITTED";
    await session.run(`BEGIN ISOLATION LEVEL ${isolation} ${mode}; ${SETTINGS}`);
    if (mode === "READ WRITE") await session.run(DURABLE_COMMIT);
    const result = await use(session);
    await session.run("COMMIT");
    return result;
  } catch (error) {
    throw errorFromDatabase(error);
  } finally {
    signal?.removeEventListener("abort", cut);
    // Ends the transaction too, if it is still open.
    await client.end().catch(() => {});
  }
}

// Values must read the same wherever they were written and are written again.
const SETTINGS = [
  "timezone = 'UTC'",
  "datestyle = 'ISO, MDY'",
  "bytea_output = 'hex'",
  "extra_float_digits = 1",
  "statement_timeout = 0",
  "lock_timeout = 0",
  "idle_in_transaction_session_timeout = 0",
]
  .map((setting) => `SET LOCAL ${setting}`)
  .join("; ");

// The same as routines do in WAIT_UNTIL_DURABLE. Whoever owns the database may also hide all warnings.
const DURABLE_COMMIT = `SET LOCAL client_min_messages = warning;
SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local')`;

function createSession(client: pg.Client): OwnerSession {
  const query = async <R extends readonly unknown[]>(statement: Parameters<Run>[0]) => {
    const { text, values } = typeof statement === "string" ? { text: statement } : statement;
    const result = await client.query<R>({
      text,
      ...(values && { values: [...values] }),
      rowMode: "array",
    } as pg.QueryArrayConfig);
    return result.rows;
  };
  // Readers ask for several things at once; a connection that copies takes one at a time.
  let last: Promise<unknown> = Promise.resolve();
  const run: Run = <R extends readonly unknown[]>(statement: Parameters<Run>[0]) => {
    const answer = last.then(() => query<R>(statement));
    last = answer.catch(() => {});
    return answer;
  };
  return {
    run,
    client,
    copyOut: (statement) => client.query(copyTo(statement)),
    async copyIn(statement, bytes) {
      const copy = client.query(copyFrom(statement));
      await pipeline([bytes], copy);
      return copy.rowCount;
    },
    database: {
      run,
      async read(tenantId, read) {
        await run(
          `SAVEPOINT as_tenant; SET LOCAL ROLE holdfast_runtime; SET LOCAL holdfast.tenant = '${tenantId}'`,
        );
        try {
          return await read(run);
        } finally {
          await run("ROLLBACK TO SAVEPOINT as_tenant; RELEASE SAVEPOINT as_tenant");
        }
      },
      readAll: (read) => read(run),
      withConnection: (use) => use(run),
    },
  };
}
