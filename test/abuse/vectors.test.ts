import { expect, test } from "vitest";
import { MemoryService, MemoryType } from "../../gen/holdfast/v1/memory_pb.js";
import { useAbusedServer } from "../support/abused-server.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";
import { copyRows } from "../support/copy-rows.js";
import { refusal } from "../support/refusal.js";
import { present } from "../support/tenant.js";

const { createMemory, searchMemories } = MemoryService.method;
const NUMBERS = 4096;
const MEMORIES = 200;
const SEARCHES = 40;
const MAX_WAITING = 31;
const server = useAbusedServer({
  HOLDFAST_MAX_WAITING_WORKER_TASKS: String(MAX_WAITING),
  // However slow the machine is.
  HOLDFAST_SCAN_TIMEOUT_MS: "600000",
});
/** As long as it may take on a machine that is busy with other things. */
const TIMEOUT_MS = 180_000;
const embedding = Array.from({ length: NUMBERS }, (_, i) => Math.fround(Math.sin(i + 1)));
const search = { embedding, embeddingModel: "m", limit: 5 };

const COPY_ID = "md5('memory ' || n)::uuid";

/** Gives a tenant many memories with embeddings: one is created, the others are copies of its row. */
async function seed(): Promise<void> {
  const { memory } = await server.as("abuser").unary(createMemory, {
    memory: { type: MemoryType.SEMANTIC, content: "a vector", embedding, embeddingModel: "m" },
  });
  const { id } = present(memory);
  const copies = { total: MEMORIES, own: { id: COPY_ID, memory_id: COPY_ID } };
  await copyRows(server.databaseUrl, { ...copies, table: "memories", row: `id = '${id}'` });
  await copyRows(server.databaseUrl, { ...copies, table: "memory_vectors", row: `memory_id = '${id}'` });
}

test(
  "many searches by long vectors wait for each other or are rejected, and hold no other tenant up",
  async () => {
    await seed();
    const abuser = server.as("abuser");
    const ids = async () => {
      const { hits } = await abuser.unary(searchMemories, search);
      return hits.map(({ memory }) => memory?.id);
    };
    const nearest = await ids();
    expect(nearest).toHaveLength(search.limit);
    let served = 0;
    await besideModestTenant(server, async () => {
      const searches = Array.from({ length: SEARCHES }, async () => {
        try {
          expect(await ids()).toEqual(nearest);
          served += 1;
        } catch (error) {
          expect(await refusal(Promise.reject(error))).toMatchObject({
            reason: "OVERLOADED",
            mayRetry: true,
          });
        }
      });
      await Promise.all(searches);
    });
    // One at a time, and as many as may wait.
    expect(served).toBeGreaterThan(MAX_WAITING);
    expect(await server.metric("holdfast_scans")).toBe(0);
    expect(await server.metric("holdfast_scans_total", 'outcome="done"')).toBe(served + 1);
  },
  TIMEOUT_MS,
);
