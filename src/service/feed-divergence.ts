import type { Logger } from "pino";
import { errorText } from "../core/errors.js";
import type { CommitMark } from "../store/commit-mark.js";
import type { Database } from "../store/database.js";
import { lastCommonPosition } from "../store/last-common-position.js";
import type { DivergedLog } from "../store/log-diverged.js";
import { readLogHead } from "../store/log-head.js";

/** What a server knows of a log when it finds another history in the database. */
export interface KnownHistory {
  readonly tenantId: string;
  readonly logId: string;
  /** Its last commits, at least one. */
  readonly commits: readonly CommitMark[];
}

/**
 * Finds up to where the database has the history that was known, and says so in the log. Never rejects: what cannot be
 * read is not known.
 *
 * @param found what the database was seen to have instead of the last commit known; undefined for nothing
 */
export async function locateDivergence(
  { database, logger }: { readonly database: Database; readonly logger: Logger },
  { tenantId, logId, commits }: KnownHistory,
  found: Uint8Array | undefined,
): Promise<DivergedLog> {
  const end = commits.at(-1);
  const told = {
    tenant_id: tenantId,
    log_id: logId,
    position: String(end?.position),
    hash: hex(end?.hash),
    found_hash: hex(found),
  };
  const place = await database
    .read(tenantId, async (run) => {
      const [head, common] = await Promise.all([
        readLogHead(run, tenantId),
        lastCommonPosition(run, tenantId, commits),
      ]);
      return { position: head.position, commonPosition: common };
    })
    .catch((error: unknown) => {
      logger.warn({ reason: errorText(error), tenant_id: tenantId }, "a log that diverged could not be read");
      return { position: undefined, commonPosition: undefined };
    });
  logger.warn(
    { ...told, last_position: textOf(place.position), common_position: textOf(place.commonPosition) },
    "the database has another history of a log than subscribers were told: their streams end with LOG_DIVERGED",
  );
  return { logId, ...place };
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString("hex");
}

function textOf(position: bigint | undefined): string | undefined {
  return position === undefined ? undefined : String(position);
}
