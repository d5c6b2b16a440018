import { randomUUID } from "node:crypto";
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import pg from "pg";
import { eventText, sessionOf } from "./workload.js";

export const title = "LangGraph PostgresSaver";
export const about = "putWrites, one pool of 8 connections; a batch is one call of as many writes";
export const packages = ["@langchain/langgraph-checkpoint-postgres"];

/** @param {{ url: string }} context @returns {Promise<import("./workload.js").Peer>} */
export async function open({ url }) {
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  const saver = new PostgresSaver(pool, undefined, { schema: "langgraph" });
  await saver.setup();
  /** @param {number} first @param {number} count */
  const put = (first, count) => {
    const configurable = { thread_id: sessionOf(first), checkpoint_ns: "", checkpoint_id: randomUUID() };
    const writes = Array.from({ length: count }, (_, i) => ["events", JSON.parse(eventText(first + i))]);
    return saver.putWrites({ configurable }, /** @type {[string, unknown][]} */ (writes), randomUUID());
  };
  return { one: (i) => put(i, 1), many: put, close: () => pool.end() };
}
