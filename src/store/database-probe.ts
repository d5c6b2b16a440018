import pg from "pg";
import type { Logger } from "pino";
import { errorText } from "../core/errors.js";

/** Whether the database can be written to now; one that only reads is a standby, or told to. */
export type DatabaseHealth = "writable" | "read-only" | "away";

export interface DatabaseProbe {
  readonly health: DatabaseHealth;
  close(): Promise<void>;
}

/** What does not answer a query without work in this time is away, in ms; with the interval less than 2 s. */
const SILENCE_MS = 1500;

/**
 * Asks the database every so often how it is, on a connection of its own: calls may hold all others. What it
 * was is told to `onChange` when it changes; it counts as writable at first.
 */
export function probeDatabase(options: {
  url: string;
  intervalMs: number;
  logger: Logger;
  onChange: (health: DatabaseHealth) => void;
}): DatabaseProbe {
  const { url, intervalMs, logger, onChange } = options;
  let health: DatabaseHealth = "writable";
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const discard = async () => {
    const lost = client;
    client = undefined;
    await lost?.end().catch(() => {});
  };

  const ask = async (): Promise<DatabaseHealth> => {
    if (!client) {
      client = new pg.Client({ connectionString: url, application_name: "holdfast probe", keepAlive: true });
      client.on("error", () => {});
      await answered(client.connect());
    }
    const text = "SELECT current_setting('transaction_read_only')";
    const result = await answered(client.query<[string]>({ text, rowMode: "array" }));
    return result.rows[0]?.[0] === "off" ? "writable" : "read-only";
  };

  const look = async (): Promise<DatabaseHealth> => {
    const wasConnected = client !== undefined;
    try {
      return await ask();
    } catch (error) {
      void discard();
      // One connection may be ended by itself; the database is away if it takes no other.
      if (wasConnected && !(error instanceof SilenceError)) return look();
      logger.debug({ reason: errorText(error) }, "the database does not answer");
      return "away";
    }
  };

  const run = async () => {
    const found = await look();
    if (closed) return discard();
    if (found !== health) {
      health = found;
      logger.warn(
        { health },
        health === "writable" ? "the database is back" : "the database takes no writes",
      );
      onChange(health);
    }
    timer = setTimeout(() => void run(), intervalMs);
    return undefined;
  };
  timer = setTimeout(() => void run(), intervalMs);
  return {
    get health() {
      return health;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await discard();
    },
  };
}

class SilenceError extends Error {}

function answered<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new SilenceError(`no answer in ${SILENCE_MS} ms`));
    // When it is this process that was slow the answer is here, and is read before the next `setImmediate`.
    const timer = setTimeout(() => setImmediate(giveUp), SILENCE_MS);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
