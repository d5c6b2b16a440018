import type { Logger } from "pino";
import { errorText } from "../core/errors.js";
import type { Database } from "./database.js";

/** The channel on which servers tell each other that a log has grown. */
export const HINT_CHANNEL = "holdfast";

/** `<tenant id>:<position>`, space-separated; a NOTIFY payload must stay under 8000 bytes. */
const MAX_HINTS_PER_NOTIFY = 120;

export interface HintSender {
  /** A log reaches up to this position; others hear of it soon. */
  send(tenantId: string, position: bigint): void;
  close(): void;
}

/**
 * Tells other servers that logs have grown: outside of any flush and at most
 * once an interval, since NOTIFY takes a lock that all commits of the cluster
 * share. A hint may be lost; polling finds what it would have told.
 */
export function createHintSender(database: Database, intervalMs: number, logger: Logger): HintSender {
  const pending = new Map<string, bigint>();
  let timer: NodeJS.Timeout | undefined;
  let isSending = false;

  const flush = async () => {
    timer = undefined;
    const hints = [...pending].slice(0, MAX_HINTS_PER_NOTIFY);
    for (const [tenantId] of hints) pending.delete(tenantId);
    isSending = true;
    try {
      await database.run({
        name: "hint",
        text: "SELECT pg_notify($1, $2)",
        values: [HINT_CHANNEL, hints.map(([tenantId, position]) => `${tenantId}:${position}`).join(" ")],
      });
    } catch (error) {
      logger.debug({ reason: errorText(error) }, "a hint was not sent");
    } finally {
      isSending = false;
      schedule();
    }
  };
  const schedule = () => {
    if (pending.size > 0 && !timer && !isSending) timer = setTimeout(flush, intervalMs);
  };

  return {
    send(tenantId, position) {
      pending.set(tenantId, position);
      schedule();
    },
    close() {
      pending.clear();
      clearTimeout(timer);
    },
  };
}

/** The hints of a notification. */
export function parseHints(payload: string): readonly (readonly [tenantId: string, position: bigint])[] {
  return payload.split(" ").flatMap((hint) => {
    const [tenantId, position] = hint.split(":");
    return tenantId && position && /^\d+$/.test(position) ? [[tenantId, BigInt(position)] as const] : [];
  });
}
