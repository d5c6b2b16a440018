import { rm } from "node:fs/promises";
import { join } from "node:path";
import { GoalStatus, MemoryType } from "@holdfast/client";
import { expectRefusal } from "./expect-refusal.js";
import type { Role } from "./role.js";

const WORDS = ["kelp", "tide", "reef", "shell", "current", "harbour", "anchor", "spray"];
const MODEL = "soak-8";
/** Rounds between two exports, which read all there is. */
const EXPORT_EVERY = 50;
const PAUSE_MS = 150;

/** Keeps memories with embeddings, and reads in every way: by id, in lists, by search, along the log, as an export. */
export const lookAround: Role = async (client, { tenant, address }) => {
  const holdfast = client.connect(tenant, address);
  const { random } = client;
  const someWords = () => Array.from({ length: 4 }, () => random.pick(WORDS)).join(" ");
  const embedding = () => WORDS.map(() => random.next());
  const lookOnce = async () => {
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
  };
  const folder = join(client.directory, `export-${client.number}-${address}`);
  const exportOnce = async () => {
    await rm(folder, { recursive: true, force: true });
    await holdfast.admin.exportTo(folder, { deadlineMs: 60_000 });
  };
  for (let round = 1; !client.stop.signal.aborted; round++) {
    const look = round % EXPORT_EVERY === 0 ? exportOnce : lookOnce;
    await client.insist(look).catch((thrown: unknown) => expectRefusal(client, thrown));
    await client.pause(PAUSE_MS);
  }
};
