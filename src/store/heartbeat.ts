import pg from "pg";
import type { Logger } from "pino";
import { errorText } from "../core/errors.js";
import { migrationNames } from "./migrate.js";
import { NoPrimaryError, type NoPrimaryReason } from "./no-primary-error.js";
import type { Primary } from "./primary.js";
import { PrimaryClient } from "./primary-client.js";
import { databaseError } from "./sqlstate.js";

/** What a heartbeat that ended found. `failing`: Postgres answers, and does not write for another reason than being read-only. */
export type HeartbeatResult = "writable" | "failing" | NoPrimaryReason;

/**
 * How long a connection to a server that is read-only is kept, in ms. The address may lead to the new primary by then; a
 * standby that is there to be read from is not connected to each time.
 */
const RECONNECT_MS = 2000;

/** Rights that the statement itself does not need. */
const MAY_APPEND =
  "EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'holdfast'::regnamespace AND proname = 'begin_append' " +
  "AND has_function_privilege(oid, 'EXECUTE'))";

/** The session was ended, or takes no statements: Postgres is stopping or starting. */
const SESSION_OVER = /^(08|57P)/;

/**
 * Writes the row of this server into `holdfast.servers`, on a connection of its own, one write at a time. A write is never
 * cancelled: a COMMIT that waits for a synchronous standby goes on waiting, however long that takes.
 */
export class Heartbeat {
  /** The text of the statement. No other server sends the same: `pg_stat_activity` shows by it what became of a write. */
  readonly statement: string;
  readonly #primary: Primary;
  readonly #logger: Logger;
  #client: PrimaryClient | undefined;
  #connectedAt = 0;
  #underWay: Promise<HeartbeatResult> | undefined;
  #failure: string | undefined;

  constructor(primary: Primary, server: { readonly id: string; readonly version: string }, logger: Logger) {
    this.#primary = primary;
    this.#logger = logger;
    // This version works with one schema.
    const schema = migrationNames.at(-1) ?? "";
    const values = [server.id, server.version, schema, schema].map((value) => pg.escapeLiteral(value));
    this.statement = `SELECT holdfast.heartbeat(${values.join(", ")}), ${MAY_APPEND}`;
  }

  /** Why the last heartbeat that ended was not written; undefined if it was. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** What becomes of the write that is under way; begins one if there is none. Never rejects. */
  beat(): Promise<HeartbeatResult> {
    if (this.#underWay) return this.#underWay;
    const written = this.#write(true).finally(() => {
      if (this.#underWay === written) this.#underWay = undefined;
    });
    this.#underWay = written;
    return written;
  }

  /** Gives up the connection and the answer to what was sent on it, without a word to Postgres. */
  disconnect(): void {
    this.#client?.cut();
    this.#client = undefined;
    this.#underWay = undefined;
  }

  async #write(mayTryAgain: boolean): Promise<HeartbeatResult> {
    let client: PrimaryClient | undefined;
    let wasConnected = true;
    try {
      client = this.#client;
      if (!client || client.isStale) {
        wasConnected = false;
        client?.cut();
        client = new PrimaryClient(this.#primary, { application_name: "holdfast probe", keepAlive: true });
        this.#client = client;
        await client.connect();
        this.#connectedAt = performance.now();
      }
      const { rows } = await client.query<[string, boolean]>({ text: this.statement, rowMode: "array" });
      if (rows[0]?.[1]) {
        this.#primary.tookWrites();
        this.#failure = undefined;
        return "writable";
      }
      this.#failure = "the routines of the append path may not be called";
      this.#logger.debug(this.#failure);
      return "failing";
    } catch (error) {
      this.#failure = errorText(error);
      this.#logger.debug({ reason: this.#failure }, "a heartbeat was not written");
      const noPrimary = error instanceof NoPrimaryError ? error.reason : undefined;
      const isReadOnly = client?.refusedWrites(error) || noPrimary === "read-only";
      const isYoung = performance.now() - this.#connectedAt < RECONNECT_MS;
      const isKept = client?.isUsable && (isReadOnly ? isYoung : isRefusal(error));
      // Another write may have begun on another connection since `disconnect`.
      const isGivenUp = this.#client !== client;
      if (!isKept) {
        client?.cut();
        if (!isGivenUp) this.#client = undefined;
      }
      if (isReadOnly) return "read-only";
      if (noPrimary !== undefined) return noPrimary;
      if (isKept) return "failing";
      // One connection may have been ended by itself. Postgres is unreachable if it takes no other.
      return wasConnected && mayTryAgain && !isGivenUp ? this.#write(false) : "unreachable";
    }
  }
}

/** Whether the session answered and goes on: only this statement failed. */
function isRefusal(error: unknown): boolean {
  const fields = databaseError(error);
  return fields !== undefined && !SESSION_OVER.test(fields.code);
}
