import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GetStatisticsResponseSchema } from "../../gen/holdfast/v1/admin_pb.js";
import { timestampFromMicros } from "../core/time.js";
import type { Codecs } from "../entities/codecs.js";
import type { Database, ReadBounds } from "../store/database.js";
import { readLogHead } from "../store/log-head.js";
import { readBlocks, readCounts, readPositionBefore, readTables } from "../store/read-statistics.js";
import type { AppendLatencyRecord } from "./append-latency.js";

/** How far back growth looks, in seconds: a minute, an hour, a day. */
const WINDOWS = [60, 60 * 60, 24 * 60 * 60];

export interface StatisticsContext {
  readonly database: Database;
  readonly codecs: Codecs;
  readonly appendLatency: AppendLatencyRecord;
}

/**
 * What a tenant has stored and how fast it grows: read from counters and catalogues, nothing is counted.
 *
 * @param parts.ofAllTenants whether to tell also what the load and the data of all tenants together come to
 */
export async function statistics(
  { database, codecs, appendLatency }: StatisticsContext,
  tenantId: string,
  { ofAllTenants }: { readonly ofAllTenants: boolean },
  bounds?: ReadBounds,
): Promise<MessageInitShape<typeof GetStatisticsResponseSchema>> {
  const read = await database.read(
    tenantId,
    async (run) => {
      const [head, counts, tables, blocks] = await Promise.all([
        readLogHead(run, tenantId),
        readCounts(run, tenantId),
        ofAllTenants ? readTables(run) : [],
        ofAllTenants ? readBlocks(run) : undefined,
      ]);
      const before = await Promise.all(
        WINDOWS.map((seconds) => readPositionBefore(run, tenantId, seconds, head.position)),
      );
      return { head, counts, tables, blocks, before };
    },
    bounds,
  );
  const { head, tables, blocks } = read;
  const counts = new Map(read.counts.map(([kind, ...numbers]) => [kind, numbers]));
  return {
    position: head.position,
    logId: head.logId,
    ...(head.commitMicros !== undefined && { commitTime: timestampFromMicros(head.commitMicros) }),
    entities: codecs.all.map(({ entity: { kind } }) => {
      const [created, deleted, changes] = counts.get(kind) ?? [0n, 0n, 0n];
      return { kind, records: created - deleted, deletedRecords: deleted, changes };
    }),
    growth: WINDOWS.map((seconds, i) => {
      const changes = head.position - (read.before[i] ?? 0n);
      return { window: { seconds: BigInt(seconds) }, changes, changesPerSecond: Number(changes) / seconds };
    }),
    ...(ofAllTenants && { appendLatency: latency(appendLatency) }),
    tables: tables.map(([name, tableBytes, indexBytes, liveRows, deadRows]) => ({
      name,
      tableBytes,
      indexBytes,
      liveRows,
      deadRows,
    })),
    ...(blocks && blocks.asked > 0 && { cacheHitRatio: blocks.hit / blocks.asked }),
  };
}

function latency({ recent }: AppendLatencyRecord) {
  const [p50, p99] = [recent.quantile(0.5), recent.quantile(0.99)];
  return {
    batches: BigInt(recent.count),
    ...(p50 !== undefined && { p50Ms: p50 * 1000 }),
    ...(p99 !== undefined && { p99Ms: p99 * 1000 }),
  };
}
