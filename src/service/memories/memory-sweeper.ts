import { create } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import type { Logger } from "pino";
import { DeleteMemoryRequestSchema } from "../../../gen/holdfast/v1/memory_pb.js";
import { errorText } from "../../core/errors.js";
import type { EntityCodec } from "../../entities/entity-codec.js";
import type { Database } from "../../store/database.js";
import { type ExpiredMemory, readExpiredMemories } from "../../store/expired-memories.js";
import type { Appender } from "../appender.js";
import type { EntryPreparer } from "../prepare-entry.js";
import type { PreparedEntry } from "../prepared-entry.js";

export interface MemorySweeperContext {
  readonly database: Database;
  readonly appender: Appender;
  readonly preparer: EntryPreparer;
  readonly codec: EntityCodec;
  readonly logger: Logger;
}

export interface MemorySweeper {
  /** Resolves once nothing is being deleted. */
  close(): Promise<void>;
}

/** Deleted in one go: a flush of its own, short enough that callers do not notice. */
const MAX_PER_ROUND = 200;

/**
 * Deletes what has expired, every so often (0 is never), as any other change in the log. Servers may do so at
 * once: the revision read makes the second one find nothing left to do.
 */
export function sweepMemories(context: MemorySweeperContext, intervalMs: number): MemorySweeper {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  const sweep = async () => {
    try {
      let found = MAX_PER_ROUND;
      while (found === MAX_PER_ROUND && !closed) {
        const expired = await readExpiredMemories(context.database, MAX_PER_ROUND);
        found = expired.length;
        await deleteAll(context, expired);
      }
    } catch (error) {
      context.logger.debug({ reason: errorText(error) }, "expired memories are deleted later");
    }
    schedule();
  };
  const schedule = () => {
    if (closed || intervalMs === 0) return;
    timer = setTimeout(() => {
      running = sweep();
    }, intervalMs);
  };
  schedule();

  return {
    close() {
      closed = true;
      clearTimeout(timer);
      return running;
    },
  };
}

async function deleteAll(
  { appender, preparer, codec }: MemorySweeperContext,
  expired: readonly ExpiredMemory[],
): Promise<void> {
  const byTenant = new Map<string, PreparedEntry[]>();
  for (const { tenantId, id, revision } of expired) {
    const request = create(DeleteMemoryRequestSchema, { id, expectedRevision: revision });
    const entry = preparer.patch({
      codec,
      id,
      requestId: "",
      schema: DeleteMemoryRequestSchema,
      request,
      fields: { deleteTime: timestampNow() },
      change: "DELETED",
      expectedRevision: revision,
      path: "",
      idField: "id",
    });
    const entries = byTenant.get(tenantId);
    if (entries) entries.push(entry);
    else byTenant.set(tenantId, [entry]);
  }
  const divisible = { isDivisible: true };
  await Promise.all(
    [...byTenant].map(([tenantId, entries]) => appender.append(tenantId, entries, divisible)),
  );
}
