import type { Codecs } from "../entities/codecs.js";
import type { Connections } from "./database.js";
import { readTenantIds } from "./log-positions.js";
import { verifyCounts } from "./verify-counts.js";
import { verifyLog } from "./verify-log.js";
import { verifyState } from "./verify-state.js";

/** What verification found of one tenant. */
export interface TenantReport {
  readonly tenantId: string;
  readonly logId: string;
  /** The last position whose hash was recomputed and is right. */
  readonly position: bigint;
  /** SHA-256 over everything up to there. */
  readonly hash: Uint8Array;
  /** Rows of current state compared with their last revision. */
  readonly rows: number;
  /** The first thing found that is not as it was written; undefined if everything is. */
  readonly difference: string | undefined;
}

export interface VerifyOptions {
  readonly database: Connections;
  readonly codecs: Codecs;
  /** One tenant; every tenant that has a log when absent. */
  readonly tenantId?: string;
}

/**
 * Recomputes from what is stored, tenant by tenant: that every position up to
 * the end of the log holds exactly one change, that each change's content has
 * its hash, that the hashes chain up to the log's, that every row of current
 * state is its last revision, and that the tenant's counts are right. Safe while servers write; memory stays
 * bounded whatever the size of the log.
 */
export async function* verifyTenants({
  database,
  codecs,
  tenantId,
}: VerifyOptions): AsyncGenerator<TenantReport, void> {
  const tenantIds = tenantId === undefined ? await readTenantIds(database) : [tenantId];
  for (const tenant of tenantIds) {
    const log = await verifyLog(database, codecs, tenant);
    const state = log.difference === undefined ? await verifyState(database, codecs, tenant) : undefined;
    const difference = log.difference ?? state?.difference ?? (await verifyCounts(database, codecs, tenant));
    yield {
      tenantId: tenant,
      logId: log.logId,
      position: log.position,
      hash: log.hash,
      rows: state?.rows ?? 0,
      difference,
    };
  }
}
