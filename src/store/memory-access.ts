import { binaryArray } from "./binary-array.js";
import type { Database, Run, Statement } from "./database.js";

/** How often a memory was found, and when last, in microseconds since 1970. */
export interface MemoryAccess {
  readonly micros: bigint;
  readonly count: bigint;
}

export interface MemoryTouch extends MemoryAccess {
  readonly tenantId: string;
  readonly memoryId: string;
}

/** By id; a memory that was never found is left out. */
export async function readMemoryAccess(
  run: Run,
  tenantId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, MemoryAccess>> {
  const rows = await run<[id: string, micros: bigint, count: bigint]>({
    name: "memory access",
    text: `
SELECT memory_id, access_time, access_count FROM holdfast.memory_access
WHERE tenant_id = $1::uuid AND memory_id = ANY ($2::uuid[])`,
    values: [tenantId, binaryArray("uuid", ids)],
  });
  return new Map(rows.map(([id, micros, count]) => [id, { micros, count }]));
}

/** Adds these, each memory at most once, to what is kept. */
export async function addMemoryTouches(database: Database, touches: readonly MemoryTouch[]): Promise<void> {
  await database.run(touchStatement(touches));
}

function touchStatement(touches: readonly MemoryTouch[]): Statement {
  return {
    name: "touch memories",
    text: "SELECT holdfast.touch_memories($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[])",
    values: [
      binaryArray(
        "uuid",
        touches.map((touch) => touch.tenantId),
      ),
      binaryArray(
        "uuid",
        touches.map((touch) => touch.memoryId),
      ),
      binaryArray(
        "timestamptz",
        touches.map((touch) => touch.micros),
      ),
      binaryArray(
        "bigint",
        touches.map((touch) => touch.count),
      ),
    ],
  };
}
