import { Redis } from "ioredis";
import { startRedis } from "../../dist/bench/redis/start-redis.js";
import { eventText, sessionOf } from "./workload.js";

export const title = "Redis streams";
export const about = "XADD, appendfsync always, a Unix socket; a batch is one pipeline";
export const packages = ["ioredis"];
export const server = ["redis-server", "--version"];

/** @returns {Promise<import("./workload.js").Peer>} */
export async function open() {
  const redis = await startRedis();
  const client = new Redis({ path: redis.socket });
  return {
    one: (i) => client.xadd(sessionOf(i), "*", "data", eventText(i)),
    async many(first, count) {
      const pipeline = client.pipeline();
      for (let i = first; i < first + count; i++) pipeline.xadd(sessionOf(first), "*", "data", eventText(i));
      for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
    },
    async close() {
      client.disconnect();
      await redis.close();
    },
  };
}
