import type { Bench, BenchResult } from "./bench.js";
import type { CursorRequest } from "./catch-up/cursor.js";
import type { Read } from "./catch-up/subscriber.js";
import { PAYLOAD_BYTES } from "./ingest/workload.js";
import { cpuTimeMs } from "./support/cpu-time.js";
import { ratios } from "./support/judge.js";
import { fill, startLogWriter } from "./support/log-writer-process.js";
import { openTenant } from "./support/open-tenants.js";
import { takeTurns } from "./support/rounds.js";
import { startServer } from "./support/server.js";
import { median, spread } from "./support/statistics.js";
import { count } from "./support/table.js";
import { startWorker, type Worker } from "./support/worker.js";

const EVENTS = { quick: 200_000, full: 1_000_000 };
const SESSIONS = 64;
/** A round is as long as the log; more of them would take minutes. */
const MOST_ROUNDS = 3;
/** Of which the cursor gets the one that is best for it: rows at a time. */
const FETCHES = [500, 1000, 5000];

/** A subscriber that has a long way to go, beside one who reads the table himself. */
export const catchUp: Bench = {
  name: "catch-up",
  about: `subscribe from 0 over ${count(EVENTS.full)} events of ${PAYLOAD_BYTES} bytes (${count(EVENTS.quick)} without --full), against a cursor that reads the same rows with pg`,
  long: true,
  async run({ cluster, profileDirectory, full, say, ...options }) {
    const rounds = Math.min(options.rounds, MOST_ROUNDS);
    const events = full ? EVENTS.full : EVENTS.quick;
    const server = await startServer(cluster.url, profileDirectory);
    const workers: Worker<never, unknown>[] = [];
    try {
      const tenant = await openTenant(server.address, SESSIONS);
      say(`writing ${count(events)} events`);
      const writer = startLogWriter(cluster.url, [tenant], undefined);
      workers.push(writer);
      await fill(writer, events);
      await writer.close();
      const subscriber = startWorker<{ events: number }, Read>(
        new URL("catch-up/subscriber.js", import.meta.url),
        [server.address, tenant.tenantId],
        profileDirectory,
      );
      const cursor = startWorker<CursorRequest, Read>(
        new URL("catch-up/cursor.js", import.meta.url),
        [cluster.url, tenant.tenantId],
        profileDirectory,
      );
      workers.push(subscriber, cursor);
      await subscriber.ask({ events: Math.min(events, EVENTS.quick) });
      const fetch = await bestFetch(cursor, Math.min(events, EVENTS.quick));
      say(`${rounds} rounds; the cursor fetches ${fetch} rows at a time`);
      const watched = async (side: () => Promise<Read>) => {
        const before = [cpuTimeMs(server.pid) ?? 0, cpuTimeMs(cluster.pid) ?? 0] as const;
        const read = await side();
        return {
          ...read,
          serverCpuMs: (cpuTimeMs(server.pid) ?? 0) - before[0],
          postgresCpuMs: (cpuTimeMs(cluster.pid) ?? 0) - before[1],
        };
      };
      const sides = {
        holdfast: () => watched(() => subscriber.ask({ events })),
        reference: () => watched(() => cursor.ask({ events, fetch })),
      };
      const measured = await takeTurns(rounds, sides, (holdfast, reference) =>
        say(`  cursor ${count(reference.perSecond)}/s, holdfast ${count(holdfast.perSecond)}/s`),
      );
      return result(measured.holdfast, measured.reference, { events, fetch });
    } finally {
      for (const worker of workers) await worker.close();
      await server.close();
    }
  },
};

interface Watched extends Read {
  readonly serverCpuMs: number;
  readonly postgresCpuMs: number;
}

async function bestFetch(cursor: Worker<CursorRequest, Read>, events: number): Promise<number> {
  let best = { fetch: 0, rate: 0 };
  for (const fetch of FETCHES) {
    const { perSecond } = await cursor.ask({ events, fetch });
    if (perSecond > best.rate) best = { fetch, rate: perSecond };
  }
  return best.fetch;
}

function result(
  holdfast: readonly Watched[],
  cursor: readonly Watched[],
  { events, fetch }: { readonly events: number; readonly fetch: number },
): BenchResult {
  const rates = (side: readonly Watched[]) => side.map(({ perSecond }) => perSecond);
  const cpu = (side: readonly Watched[], of: (read: Watched) => number) =>
    ((median(side.map(of)) * 1000) / events).toFixed(1);
  const row = (name: string, side: readonly Watched[]) => ({
    name,
    values: {
      "events/s": count(median(rates(side))),
      spread: `${(spread(rates(side)) * 100).toFixed(0)} %`,
      "cpu: reader": cpu(side, ({ cpuMs }) => cpuMs),
      server: cpu(side, ({ serverCpuMs }) => serverCpuMs),
      postgres: cpu(side, ({ postgresCpuMs }) => postgresCpuMs),
    },
  });
  const verdict = {
    name: "catch-up",
    holdfast: `${count(median(rates(holdfast)))}/s`,
    reference: `${count(median(rates(cursor)))}/s`,
    unit: "×",
    values: ratios(rates(holdfast), rates(cursor)),
    reach: { atLeast: 0.4 },
  } as const;
  return {
    rows: [row(`cursor, ${fetch} at a time`, cursor), row("holdfast", holdfast)],
    notes: ["CPU is microseconds an event; it includes what a process did besides, as little as that is."],
    verdicts: [verdict],
    figures: { holdfast, cursor, events, fetch },
  };
}
