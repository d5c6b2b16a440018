import { rm } from "node:fs/promises";
import { join } from "node:path";
import { GoalStatus, MemoryType } from "@holdfast/client";
import type { Role } from "./role.js";

const WORDS = ["kelp", "tide", "reef", "shell", "current", "harbour", "anchor", "spray"];
const MODEL = "soak-8";
/** Rounds between two exports, which read all there is. */
const EXPORT_EVERY = 200;
const PAUSE_MS = 150;

/** Keeps memories with embeddings, and reads in every way: by id, in lists, by search, as of before, as an export. */
export const lookAround: Role = async (client, { tenant, address }) => {
  const holdfast = client.connect(tenant, address);
  const { random } = client;
  const someWords = () => Array.from({ length: 4 }, () => random.pick(WORDS)).join(" ");
  const embedding = () => WORDS.map(() => random.next());
  for (let round = 1; !client.stop.signal.aborted; round++) {
    await client.insist(async () => {
      const memory = await holdfast.memories.create({
        type: MemoryType.EPISODIC,
        content: someWords(),
        embedding: embedding(),
        embeddingModel: MODEL,
      });
      await holdfast.memories.get(memory.id, { minPosition: memory.position });
      await holdfast.memories.search({ text: someWords(), embedding: embedding(), embeddingModel: MODEL });
      await holdfast.memories.update(memory.id, { importance: random.next() });
      await holdfast.memories.page({ types: [MemoryType.EPISODIC] }, { pageSize: 20 });
      await holdfast.goals.page({ statuses: [GoalStatus.PENDING] }, { pageSize: 20 });
      await holdfast.events.page({ after: memory.position - 1n }, { pageSize: 50 });
      await holdfast.admin.getStatistics();
      if (random.next() < 0.5) await holdfast.memories.delete(memory.id);
    });
    if (round % EXPORT_EVERY === 0) await exportOnce();
    await client.pause(PAUSE_MS);
  }

  async function exportOnce(): Promise<void> {
    const folder = join(client.directory, `export-${client.number}`);
    await client.insist(() => holdfast.admin.exportTo(folder, { deadlineMs: 60_000 }));
    await rm(folder, { recursive: true, force: true });
  }
};
