import { connect, MemoryType } from "@holdfast/client";
import type { Bench } from "./bench.js";
import { createMadeUpLanguage } from "./search/made-up-language.js";
import { startServer } from "./support/server.js";
import { quantile } from "./support/statistics.js";

const MEMORIES = 100_000;
const BATCH = 500;

/** Text search among many memories of one tenant, one caller, there and back over gRPC. */
export const search: Bench = {
  name: "search",
  about: `SearchMemories by text among ${MEMORIES} memories of one tenant`,
  async run({ cluster, profileDirectory, seconds, say }) {
    const server = await startServer(cluster.url, profileDirectory);
    const holdfast = connect({ address: server.address });
    const language = createMadeUpLanguage();
    try {
      say(`storing ${MEMORIES} memories`);
      for (let stored = 0; stored < MEMORIES; stored += BATCH) {
        const content = () => ({ type: MemoryType.SEMANTIC, content: language.text(20, 20) });
        await holdfast.memories.batchCreate(Array.from({ length: BATCH }, content));
      }
      const figures: Record<string, { p50Ms: number; p95Ms: number; p99Ms: number; searches: number }> = {};
      for (const [kind, ask] of Object.entries(language.queries)) {
        const times: number[] = [];
        const until = performance.now() + seconds * 1000;
        while (performance.now() < until) {
          const from = performance.now();
          await holdfast.memories.search({ text: ask() });
          times.push(performance.now() - from);
        }
        const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((share) => quantile(times, share));
        figures[kind] = { p50Ms: p50Ms ?? 0, p95Ms: p95Ms ?? 0, p99Ms: p99Ms ?? 0, searches: times.length };
      }
      const rows = Object.entries(figures).map(([name, { p50Ms, p95Ms, p99Ms, searches }]) => ({
        name,
        values: {
          "p50 ms": p50Ms.toFixed(1),
          "p95 ms": p95Ms.toFixed(1),
          "p99 ms": p99Ms.toFixed(1),
          searches: String(searches),
        },
      }));
      return { rows, notes: [], figures };
    } finally {
      await holdfast.close();
      await server.close();
    }
  },
};
