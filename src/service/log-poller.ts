import type { Logger } from "pino";
import { errorText } from "../core/errors.js";
import type { Database } from "../store/database.js";
import { readLogPositions } from "../store/log-positions.js";
import type { Hub } from "./hub.js";

export interface LogPoller {
  close(): void;
}

/** Looks at the logs followed here every so often, how far they reach and of which history they are: hints may be lost. */
export function pollLogs(database: Database, hub: Hub, intervalMs: number, logger: Logger): LogPoller {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const poll = async () => {
    try {
      const ends = hub.ends;
      if (ends.length > 0) {
        const known = new Map(ends.map((end) => [end.tenantId, end]));
        for (const [tenantId, position, hash] of await readLogPositions(database, ends)) {
          const end = known.get(tenantId);
          end?.feed.polled(end.mark, position, hash);
        }
      }
    } catch (error) {
      logger.debug({ reason: errorText(error) }, "the followed logs could not be looked at");
    }
    if (!closed) timer = setTimeout(poll, intervalMs);
  };
  timer = setTimeout(poll, intervalMs);
  return {
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
