import { connect, type Holdfast, MemoryType } from "@holdfast/client";
import { DEFAULT_TENANT_ID } from "../src/rpc/tenant-metadata.js";
import type { Bench, BenchContext } from "./bench.js";
import { startDirectSearch } from "./search/direct-search.js";
import { createMadeUpLanguage, type MadeUpLanguage } from "./search/made-up-language.js";
import { startServer } from "./support/server.js";
import { median, quantile, spread } from "./support/statistics.js";
import { count } from "./support/table.js";

const MEMORIES = 100_000;
const BATCH = 500;
/** Requests in flight while storing: one is written while the next is made. */
const WRITERS = 2;
const WARM_UP_SEARCHES = 20;
/** At p95, against the same statements without a server. */
const REACH = 1.5;

type Side = "direct" | "holdfast";
type Ways = Readonly<Record<Side, (text: string) => Promise<unknown>>>;
/** Milliseconds of each search of one round, by side. */
type Round = Readonly<Record<Side, readonly number[]>>;

/** Text search among many memories of one tenant, one caller, beside the same statements by one direct connection. */
export const search: Bench = {
  name: "search",
  about: `SearchMemories by text among ${count(MEMORIES)} memories of one tenant, against the same SQL on one direct connection`,
  long: true,
  async run(context) {
    const { cluster, profileDirectory, say } = context;
    const server = await startServer(cluster.url, profileDirectory);
    const holdfast = connect({ address: server.address });
    const language = createMadeUpLanguage();
    try {
      const perSecond = await store(context, holdfast, language);
      const direct = await startDirectSearch(cluster.url, DEFAULT_TENANT_ID);
      try {
        const ways: Ways = {
          direct: (text) => direct.search(text),
          holdfast: (text) => holdfast.memories.search({ text }),
        };
        const rounds = await measure(context, ways, language);
        say(`stored at ${count(perSecond)} memories/s`);
        return summarise(rounds, perSecond);
      } finally {
        await direct.close();
      }
    } finally {
      await holdfast.close();
      await server.close();
    }
  },
};

async function store({ say }: BenchContext, holdfast: Holdfast, language: MadeUpLanguage): Promise<number> {
  say(`storing ${count(MEMORIES)} memories`);
  const from = performance.now();
  let left = MEMORIES;
  const write = async () => {
    while (left > 0) {
      left -= BATCH;
      const content = () => ({ type: MemoryType.SEMANTIC, content: language.text(20, 20) });
      await holdfast.memories.batchCreate(Array.from({ length: BATCH }, content));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  return (MEMORIES / (performance.now() - from)) * 1000;
}

/** By kind of query, a round after the other, the kinds taking turns. */
async function measure({ seconds, rounds, say }: BenchContext, ways: Ways, { queries }: MadeUpLanguage) {
  const kinds = Object.entries(queries);
  for (const [, ask] of kinds) {
    for (let i = 0; i < WARM_UP_SEARCHES; i += 1) await timed(ways, ask(), i);
  }
  say(`${rounds} rounds of ${seconds} s each, shared by ${kinds.length} kinds of queries`);
  const measured = new Map<string, Round[]>(kinds.map(([kind]) => [kind, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [kind, ask] of kinds) {
      const times = { direct: [] as number[], holdfast: [] as number[] };
      const until = performance.now() + (seconds * 1000) / kinds.length;
      for (let i = 0; performance.now() < until || i === 0; i += 1) {
        const { direct, holdfast } = await timed(ways, ask(), i);
        times.direct.push(direct);
        times.holdfast.push(holdfast);
      }
      measured.get(kind)?.push(times);
    }
  }
  return measured;
}

/** Both sides with the same text, each going first every other time: the second finds the pages in memory. */
async function timed(ways: Ways, text: string, turn: number): Promise<Record<Side, number>> {
  const times = { direct: 0, holdfast: 0 };
  const order: readonly Side[] = turn % 2 === 0 ? ["direct", "holdfast"] : ["holdfast", "direct"];
  for (const side of order) {
    const from = performance.now();
    await ways[side](text);
    times[side] = performance.now() - from;
  }
  return times;
}

function summarise(measured: ReadonlyMap<string, readonly Round[]>, storedPerSecond: number) {
  const kinds = [...measured].map(([kind, rounds]) => {
    const at = (side: Side, share: number) => rounds.map((round) => quantile(round[side], share));
    const ratios = at("holdfast", 0.95).map((p95, i) => p95 / (at("direct", 0.95)[i] ?? Number.NaN));
    const figures = {
      searches: rounds.reduce((sum, round) => sum + round.holdfast.length, 0),
      direct: { p50Ms: at("direct", 0.5), p95Ms: at("direct", 0.95) },
      holdfast: { p50Ms: at("holdfast", 0.5), p95Ms: at("holdfast", 0.95) },
      ratiosAtP95: ratios,
    };
    return { kind, figures };
  });
  const ms = (values: readonly number[]) => median(values).toFixed(1);
  const rows = kinds.map(({ kind, figures: { direct, holdfast, ratiosAtP95, searches } }) => ({
    name: kind,
    values: {
      "direct p50 ms": ms(direct.p50Ms),
      "p95 ms": ms(direct.p95Ms),
      "holdfast p50": ms(holdfast.p50Ms),
      p95: ms(holdfast.p95Ms),
      spread: `${(spread(holdfast.p95Ms) * 100).toFixed(0)} %`,
      "× at p95": median(ratiosAtP95).toFixed(2),
      searches: count(searches),
    },
  }));
  // Of a mix in which each kind is as frequent as it is fast.
  const all = (side: Side) =>
    [...measured.values()][0]?.map((_, round) => {
      const times = [...measured.values()].flatMap((rounds) => rounds[round]?.[side] ?? []);
      return quantile(times, 0.95);
    }) ?? [];
  const [direct, holdfast] = [all("direct"), all("holdfast")];
  const ratios = holdfast.map((p95, i) => p95 / (direct[i] ?? Number.NaN));
  const verdict = {
    name: "search",
    holdfast: `p95 ${ms(holdfast)} ms`,
    reference: `p95 ${ms(direct)} ms`,
    unit: "×" as const,
    values: ratios,
    reach: { atMost: REACH },
  };
  const figures = { storedPerSecond, ratio: median(ratios), ratios, kinds };
  return {
    rows,
    notes: [
      `ratio ${median(ratios).toFixed(2)} at p95 over all kinds (${ratios.map((ratio) => ratio.toFixed(2)).join(", ")})`,
    ],
    verdicts: [verdict],
    figures,
  };
}
