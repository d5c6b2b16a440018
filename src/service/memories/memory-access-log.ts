import type { Logger } from "pino";
import { errorText } from "../../core/errors.js";
import { nowMicros, timestampFromMicros } from "../../core/time.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { Database, Run } from "../../store/database.js";
import {
  addMemoryTouches,
  type MemoryAccess,
  type MemoryTouch,
  readMemoryAccess,
} from "../../store/memory-access.js";

/** Memories whose touches wait at most; beyond, a touch is not counted rather than memory grown. */
const MAX_WAITING = 100_000;
/** Written in one statement. */
const MAX_PER_WRITE = 5000;

/** Keeps how often memories are found, beside the log: finding a memory changes none. */
export interface MemoryAccessLog {
  /** Counts each memory as found once more, soon. */
  touch(tenantId: string, ids: readonly string[]): void;
  /** Sets access time and count of memories that were ever found. */
  annotate(tenantId: string, memories: readonly FieldBag[]): Promise<void>;
  /** Writes what waits. */
  close(): Promise<void>;
}

/**
 * Gathers touches and adds them up to what is kept once an interval, however
 * many searches there are. What a server that dies had not written is lost.
 */
export function createMemoryAccessLog(
  database: Database,
  intervalMs: number,
  logger: Logger,
): MemoryAccessLog {
  const waiting = new Map<string, MemoryTouch>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const add = (touch: MemoryTouch) => {
    const key = `${touch.tenantId} ${touch.memoryId}`;
    const before = waiting.get(key);
    if (!before && waiting.size >= MAX_WAITING) return;
    const count = touch.count + (before?.count ?? 0n);
    waiting.set(key, { ...touch, count });
  };
  const write = async () => {
    while (waiting.size > 0) {
      const touches = [...waiting.values()].slice(0, MAX_PER_WRITE);
      for (const { tenantId, memoryId } of touches) waiting.delete(`${tenantId} ${memoryId}`);
      try {
        await addMemoryTouches(database, touches);
      } catch (error) {
        logger.debug({ reason: errorText(error) }, "how often memories were found is written later");
        for (const touch of touches) add(touch);
        return;
      }
    }
  };
  const flush = () => {
    timer = undefined;
    writing = writing.then(write).then(schedule);
  };
  const schedule = () => {
    if (waiting.size > 0) timer ??= setTimeout(flush, intervalMs);
  };

  return {
    touch(tenantId, ids) {
      const micros = nowMicros();
      for (const memoryId of ids) add({ tenantId, memoryId, micros, count: 1n });
      schedule();
    },
    async annotate(tenantId, memories) {
      if (memories.length === 0) return;
      const ids = memories.map((memory) => memory.id as string);
      const read = (run: Run) => readMemoryAccess(run, tenantId, ids);
      setMemoryAccess(memories, await database.read(tenantId, read, { byKey: true }));
    },
    async close() {
      clearTimeout(timer);
      await writing;
      clearTimeout(timer);
      await write();
    },
  };
}

/** Sets access time and count of those memories that have any. */
export function setMemoryAccess(
  memories: readonly FieldBag[],
  accesses: ReadonlyMap<string, MemoryAccess>,
): void {
  for (const memory of memories) {
    const access = accesses.get(memory.id as string);
    if (!access) continue;
    memory.accessTime = timestampFromMicros(access.micros);
    memory.accessCount = access.count;
  }
}
