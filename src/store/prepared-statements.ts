import type pg from "pg";
import type { Logger } from "pino";
import { databaseError, PREPARED_ELSEWHERE } from "./sqlstate.js";

/** `auto` looks whether a pooler stands between. */
export type UsePreparedStatements = boolean | "auto";

/**
 * Whether statements are prepared by name. A pooler in transaction mode may give each transaction another session, which
 * does not have the statements that this connection prepared; PgBouncer knows of them from 1.21 on, if it is set so.
 */
export class PreparedStatements {
  readonly #logger: Logger;
  #isAuto: boolean;
  #areUsed: boolean;

  constructor(setting: UsePreparedStatements, logger: Logger) {
    this.#logger = logger;
    this.#isAuto = setting === "auto";
    this.#areUsed = setting !== false;
  }

  get areUsed(): boolean {
    return this.#areUsed;
  }

  /** To be awaited before a new connection is used. */
  async connected(client: pg.ClientBase): Promise<void> {
    if (!this.#isAuto) return;
    // A pooler gives out process ids of its own: no other session may be cancelled by them.
    const { processID } = client as unknown as { processID: number | null };
    const { rows } = await client.query<[number]>({ text: "SELECT pg_backend_pid()", rowMode: "array" });
    // Other connections may have found out meanwhile.
    if (rows[0]?.[0] === processID || !this.#isAuto) return;
    this.#isAuto = false;
    this.#areUsed = false;
    this.#logger.warn(
      "a pooler is between this server and Postgres: statements are not prepared by name. " +
        "Set HOLDFAST_DATABASE_PREPARED_STATEMENTS to true where the pooler supports them, to false to leave out this check",
    );
  }

  /** To be told of each error of a statement. What failed for its name can be sent again, without one. */
  failed(error: unknown): void {
    if (!this.#areUsed || !PREPARED_ELSEWHERE.has(databaseError(error)?.code ?? "")) return;
    this.#isAuto = false;
    this.#areUsed = false;
    this.#logger.warn("a prepared statement was not found: statements are not prepared by name any more");
  }
}
