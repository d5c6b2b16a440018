import type { Logger } from "pino";
import { errorText } from "../core/errors.js";
import type { Database } from "../store/database.js";
import { readLogPositions } from "../store/log-positions.js";
import type { Hub } from "./hub.js";

export interface LogPoller {
  close(): void;
}

/** Looks at the logs followed here every so often: hints may be lost, this is not. */
export function pollLogs(database: Database, hub: Hub, intervalMs: number, logger: Logger): LogPoller {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const poll = async () => {
    try {
      const tenants = hub.tenants;
      if (tenants.length > 0) {
        for (const [tenantId, position] of await readLogPositions(database, tenants))
          hub.hint(tenantId, position);
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
