import type pg from "pg";
import type { Logger } from "pino";
import { errorText } from "../core/errors.js";
import { HINT_CHANNEL, parseHints } from "./hints.js";
import type { Primary } from "./primary.js";
import { PrimaryClient } from "./primary-client.js";

/** Time before connecting again, in ms, doubled up to the most each time it fails. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

export interface HintListener {
  /** Connects again: the primary, from which the hints come, is another server now. */
  reconnect(): void;
  close(): Promise<void>;
}

/**
 * Listens for the hints of all servers on a connection of its own, which is
 * made anew whenever it is lost. `onHint` may miss some meanwhile.
 */
export function listenForHints(options: {
  primary: Primary;
  logger: Logger;
  onHint: (tenantId: string, position: bigint) => void;
}): HintListener {
  const { primary, logger, onHint } = options;
  let closed = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pauseMs = FIRST_PAUSE_MS;

  const open = () => {
    const connection = new PrimaryClient(primary, {
      application_name: "holdfast listen",
      keepAlive: true,
    });
    connection.on("error", (error) =>
      logger.debug({ reason: errorText(error) }, "the hint connection was lost"),
    );
    connection.on("end", reconnect);
    connection.on("notification", ({ payload = "" }) => {
      for (const [tenantId, position] of parseHints(payload)) onHint(tenantId, position);
    });
    return connection;
  };
  const connect = async () => {
    let connection: pg.Client | undefined;
    try {
      // Throws for a URL that is none.
      connection = client = open();
      await connection.connect();
      await connection.query(`LISTEN ${HINT_CHANNEL}`);
      pauseMs = FIRST_PAUSE_MS;
    } catch (error) {
      logger.debug({ reason: errorText(error) }, "listening for hints failed");
      await connection?.end().catch(() => {});
      reconnect();
    }
  };
  const reconnect = () => {
    if (closed || timer) return;
    timer = setTimeout(() => {
      timer = undefined;
      void connect();
    }, pauseMs);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  };

  void connect();
  return {
    reconnect() {
      primary.lookAgain();
      // Its end is followed by another connection.
      void client?.end().catch(() => {});
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await client?.end().catch(() => {});
    },
  };
}
