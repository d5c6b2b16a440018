import { randomUUID } from "node:crypto";
import pg from "pg";
import { eventText, SESSIONS, sessionOf } from "./workload.js";

export const title = "Mastra PostgresStore";
export const about = "saveMessages, one pool of 8 connections; a batch is one call of as many messages";
export const packages = ["@mastra/pg", "@mastra/core"];
export const leastNode = 22;

/** @param {{ url: string }} context @returns {Promise<import("./workload.js").Peer>} */
export async function open({ url }) {
  const { PostgresStore } = await import("@mastra/pg");
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  const store = new PostgresStore({ id: "bench", pool, schemaName: "mastra" });
  await store.init();
  const memory = await store.getStore("memory");
  if (!memory) throw new Error("expected a store of memory");
  const now = new Date();
  for (let i = 0; i < SESSIONS; i++) {
    const thread = { id: sessionOf(i), resourceId: "bench", title: "bench", createdAt: now, updatedAt: now };
    await memory.saveThread({ thread });
  }
  /** @param {number} first @param {number} count */
  const save = (first, count) =>
    memory.saveMessages({
      messages: Array.from({ length: count }, (_, i) => ({
        id: randomUUID(),
        threadId: sessionOf(first),
        resourceId: "bench",
        role: /** @type {"assistant"} */ ("assistant"),
        createdAt: new Date(),
        content: { format: /** @type {2} */ (2), parts: [{ type: "text", text: eventText(first + i) }] },
      })),
    });
  return { one: (i) => save(i, 1), many: save, close: () => pool.end() };
}
