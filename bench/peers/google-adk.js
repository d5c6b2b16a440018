import { createEvent, DatabaseSessionService } from "@google/adk";
import { PostgreSqlDriver } from "@mikro-orm/postgresql";
import { eventText, SESSIONS, sessionOf } from "./workload.js";

export const title = "Google ADK DatabaseSessionService";
export const about = "appendEvent, one pool of 8 connections; it has no batches";
export const packages = ["@google/adk", "@mikro-orm/postgresql"];

/** @param {{ url: string, socketDirectory: string }} context @returns {Promise<import("./workload.js").Peer>} */
export async function open({ url, socketDirectory }) {
  const { username, port } = new URL(url);
  const service = new DatabaseSessionService({
    driver: PostgreSqlDriver,
    host: socketDirectory,
    port: Number(new URL(url).searchParams.get("port") ?? port),
    user: username,
    dbName: "adk",
    pool: { min: 1, max: 8 },
  });
  const key = { appName: "bench", userId: "bench" };
  const sessions = [];
  for (let i = 0; i < SESSIONS; i++) {
    sessions.push(await service.createSession({ ...key, sessionId: sessionOf(i) }));
  }
  return {
    one(i) {
      const event = createEvent({
        invocationId: `call-${i}`,
        author: "agent",
        content: { role: "model", parts: [{ text: eventText(i) }] },
      });
      return service.appendEvent({ session: /** @type {any} */ (sessions[i % SESSIONS]), event });
    },
    async close() {},
  };
}
