import type { Bench, BenchResult, Verdict } from "./bench.js";
import type { CallerKind, CallerRequest, Calls } from "./overload/caller.js";
import { openTenant } from "./support/open-tenants.js";
import { startServer } from "./support/server.js";
import { median, quantile } from "./support/statistics.js";
import { count } from "./support/table.js";
import { startWorker, type Worker } from "./support/worker.js";

/** Observations of one call of the tenant that offers too much. */
const ENTRIES = 20;
/** Calls at a time that the sustainable load is looked for with; the fewest that give the most count. */
const CROWDS = [8, 16, 32, 64, 128];
/** More callers that add less than this only wait longer. */
const WORTH_MORE_CALLERS = 1.1;
const TIMES_SUSTAINABLE = 3;
/** Calls a second of the other tenant, each of one observation. */
const MODEST_PER_SECOND = 50;
/** Callers who keep to RetryInfo: twice as many as one tenant is served at a time. */
const OBEDIENT = 128;
const WARM_UP_SECONDS = 3;

type Caller = Worker<CallerRequest, Calls>;

/**
 * One round: the sustainable load before and after, three times of it by callers who never mind; as many callers who
 * keep to RetryInfo as sustain it, and many of them; another tenant alone, beside the sustainable load, and beside
 * those who never mind.
 */
interface Round {
  readonly peak: Calls;
  readonly overloaded: Calls;
  readonly "few obedient": Calls;
  readonly obedient: Calls;
  readonly alone: Calls;
  readonly "beside peak": Calls;
  readonly beside: Calls;
}

/** What happens to those who are served when more is offered than can be. */
export const overload: Bench = {
  name: "overload",
  about: `unary calls of ${ENTRIES} observations, ${TIMES_SUSTAINABLE} times as many a second as can be sustained, against as many as can; and another tenant's calls meanwhile, against alone`,
  long: true,
  async run({ cluster, profileDirectory, seconds, rounds, say }) {
    const server = await startServer(cluster.url, profileDirectory);
    const workers: Caller[] = [];
    const caller = async (entries: number, kind: CallerKind) => {
      const { tenantId, sessionIds } = await openTenant(server.address, 1);
      const url = new URL("overload/caller.js", import.meta.url);
      const args = [server.address, tenantId, sessionIds[0] ?? "", String(entries), kind];
      const worker: Caller = startWorker(url, args, profileDirectory);
      workers.push(worker);
      return worker;
    };
    try {
      const greedy = await caller(ENTRIES, "frames");
      const obeying = await caller(ENTRIES, "client");
      const modest = await caller(1, "frames");
      await greedy.ask({ seconds: WARM_UP_SECONDS, atATime: 32 });
      await obeying.ask({ seconds: WARM_UP_SECONDS, atATime: 16 });
      await modest.ask({ seconds: 1, perSecond: MODEST_PER_SECOND });
      const atATime = await sustainableCrowd(greedy, seconds);
      const measured: Round[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const alone = await modest.ask({ seconds, perSecond: MODEST_PER_SECOND });
        const before = await greedy.ask({ seconds, atATime });
        const perSecond = TIMES_SUSTAINABLE * rate(before);
        const overloaded = await greedy.ask({ seconds, perSecond });
        // Machines do not stay as fast as they were.
        const peak = together(before, await greedy.ask({ seconds, atATime }));
        const fewObedient = await obeying.ask({ seconds, atATime });
        const obedient = await obeying.ask({ seconds, atATime: OBEDIENT });
        const during = async (load: CallerRequest) => {
          const [calls] = await Promise.all([
            modest.ask({ seconds, perSecond: MODEST_PER_SECOND }),
            greedy.ask(load),
          ]);
          return calls;
        };
        const besidePeak = await during({ seconds, atATime });
        const beside = await during({ seconds, perSecond });
        measured.push({
          peak,
          overloaded,
          "few obedient": fewObedient,
          obedient,
          alone,
          "beside peak": besidePeak,
          beside,
        });
        say(
          `  sustained ${count(rate(peak))} calls/s, ${count(rate(overloaded))} of ${count(perSecond)} offered`,
        );
      }
      return result(measured, atATime);
    } finally {
      for (const worker of workers) await worker.close();
      await server.close();
    }
  },
};

/** How many callers reach the sustainable load. */
async function sustainableCrowd(caller: Caller, seconds: number): Promise<number> {
  let best = { crowd: 0, perSecond: 0 };
  for (const crowd of CROWDS) {
    const perSecond = rate(await caller.ask({ seconds, atATime: crowd }));
    if (perSecond > WORTH_MORE_CALLERS * best.perSecond) best = { crowd, perSecond };
  }
  return best.crowd;
}

function together(one: Calls, other: Calls): Calls {
  const otherwise = { ...one.otherwise };
  for (const [kind, calls] of Object.entries(other.otherwise))
    otherwise[kind] = (otherwise[kind] ?? 0) + calls;
  return {
    seconds: one.seconds + other.seconds,
    accepted: [...one.accepted, ...other.accepted],
    shed: [...one.shed, ...other.shed],
    otherwise,
    withheld: one.withheld + other.withheld,
  };
}

const ROWS = ["peak", "overloaded", "few obedient", "obedient", "alone", "beside peak", "beside"] as const;

function rate({ accepted, seconds }: Calls): number {
  return accepted.length / seconds;
}

function p99({ accepted }: Calls): number {
  return quantile(accepted, 0.99);
}

const GOODPUT = {
  of: rate,
  text: (values: readonly number[]) => `${count(median(values))} calls/s`,
  reach: { atLeast: 0.8 },
};
const LATENESS = {
  of: p99,
  text: (values: readonly number[]) => `p99 ${median(values).toFixed(1)} ms`,
  reach: { atMost: 2 },
};

function result(rounds: readonly Round[], atATime: number): BenchResult {
  const of = <T>(value: (round: Round) => T) => rounds.map(value);
  const row = (name: keyof Round) => ({
    name,
    values: {
      "accepted/s": count(median(of((round) => rate(round[name])))),
      "p50 ms": median(of((round) => quantile(round[name].accepted, 0.5))).toFixed(1),
      "p99 ms": median(of((round) => p99(round[name]))).toFixed(1),
      "shed/s": count(median(of((round) => round[name].shed.length / round[name].seconds))),
      "shed p50 ms": median(of((round) => quantile(round[name].shed, 0.5))).toFixed(1),
      "withheld/s": count(median(of((round) => round[name].withheld / round[name].seconds))),
    },
  });
  const otherwise = rounds.flatMap((round) => Object.values(round).map((calls: Calls) => calls.otherwise));
  const unexpected = otherwise.filter((kinds) => Object.keys(kinds).length > 0);
  const compared = (
    name: string,
    { of: figure, text, reach }: typeof GOODPUT | typeof LATENESS,
    over: keyof Round,
    normal: keyof Round,
  ): Verdict => ({
    name: `overload, ${name}`,
    holdfast: text(of((round) => figure(round[over]))),
    reference: text(of((round) => figure(round[normal]))),
    unit: "×",
    values: of((round) => figure(round[over]) / figure(round[normal])),
    reach,
  });
  return {
    rows: ROWS.map(row),
    notes: [
      `the sustainable load is that of ${atATime} callers, before and after the overload`,
      `obedient are ${OBEDIENT} callers of @holdfast/client, which tries again; the few are ${atATime} of them`,
      unexpected.length === 0
        ? "every call was accepted, or refused with RESOURCE_EXHAUSTED"
        : `calls ended otherwise: ${JSON.stringify(unexpected)}`,
    ],
    verdicts: [
      compared("goodput", GOODPUT, "overloaded", "peak"),
      compared("goodput of callers who keep to RetryInfo", GOODPUT, "obedient", "few obedient"),
      compared("accepted calls", LATENESS, "overloaded", "peak"),
      compared("another tenant against beside the peak", LATENESS, "beside", "beside peak"),
      compared("another tenant", LATENESS, "beside", "alone"),
    ],
    figures: { rounds: rounds.map(summary) },
  };
}

function summary(round: Round) {
  const each = Object.entries(round).map(([name, calls]: [string, Calls]) => [
    name,
    {
      acceptedPerSecond: rate(calls),
      p99Ms: quantile(calls.accepted, 0.99),
      shedPerSecond: calls.shed.length / calls.seconds,
      shedP99Ms: quantile(calls.shed, 0.99),
      withheld: calls.withheld,
      otherwise: calls.otherwise,
    },
  ]);
  return Object.fromEntries(each);
}
