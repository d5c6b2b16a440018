import { join } from "node:path";
import { quantile } from "../bench/support/statistics.js";
import { checkAll } from "./checks/check-all.js";
import { countLost } from "./checks/count-lost.js";
import type { LostPrimary } from "./checks/evidence.js";
import { GUARANTEES, type Violation } from "./checks/guarantee.js";
import { type InjectedFault, type ResumeTimes, resumeTimes } from "./checks/resume-times.js";
import { readLines } from "./ledger/read-lines.js";
import { ACKNOWLEDGED, FAILED, JOURNALED, UNKNOWN } from "./ledger/written.js";
import { FAILPOINTS } from "./server/failpoints.js";
import type { PostgresMember } from "./stage/postgres-member.js";
import type { LossLine, Stage } from "./stage/stage.js";

/** Several times what is promised of a machine that has room: on one that others use as well it shows what hangs. */
const FAILING_MS = { server: 10_000, postgres: 30_000, failover: 30_000 };

/** What came of a run. */
export interface Verdict {
  readonly acknowledged: number;
  /** Those that found their way into the log by a client's journal. */
  readonly journaled: number;
  readonly unknown: number;
  /** Acknowledged by a primary whose standby lagged, and lost with it. */
  readonly lost: number;
  readonly refused: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly fired: Readonly<Record<string, number>>;
  readonly notTested: Readonly<Record<string, string>>;
  readonly reads: Readonly<Record<string, number>>;
  readonly resumedAfter: ResumeTimes;
  /** How long servers took after each promotion until they served, in ms. */
  readonly servingMs: readonly number[];
  readonly violations: readonly Violation[];
  /** What took far longer than an operator may count on: a defect, or a machine that others use as well. */
  readonly late: readonly string[];
  /** Why the run proves nothing, whatever the validators say. */
  readonly void: readonly string[];
}

type FaultLine =
  | ({ readonly k: "fault"; readonly isSettled: boolean } & InjectedFault)
  | { readonly k: "missing"; readonly name: string; readonly why: string }
  | LossLine;

/** Judges a run by what it left. */
export async function judge(stage: Stage, say: (text: string) => void): Promise<Verdict> {
  const faults: (InjectedFault & { readonly isSettled: boolean })[] = [];
  const losses: LossLine[] = [];
  const notTested: Record<string, string> = {};
  for await (const line of readLines<FaultLine>(join(stage.directory, "faults.jsonl"))) {
    if (line.k === "fault") faults.push(line);
    else if (line.k === "loss") losses.push(line);
    else notTested[line.name] = line.why;
  }
  const { evidence, violations } = await checkWithLost(stage, losses, say);
  const { written, fired, reads } = evidence;
  const unknown = written.tally(UNKNOWN);
  const lost = countLost(evidence);
  const byName = tally(faults.map(({ name }) => name));
  const asked = FAILPOINTS.filter((point) => byName[point] !== undefined);
  const resumedAfter = await resumeTimes(evidence, faults);
  return {
    acknowledged: written.tally(ACKNOWLEDGED),
    journaled: written.tally(JOURNALED),
    unknown,
    lost,
    refused: written.tally(FAILED),
    faults: byName,
    fired: Object.fromEntries(fired),
    notTested,
    reads: Object.fromEntries(reads),
    resumedAfter,
    servingMs: faults.flatMap(({ servingMs = [] }) => servingMs),
    violations: [
      ...violations,
      ...faults
        .filter(({ isSettled }) => !isSettled)
        .map(({ name }) => ({
          guarantee: "Live" as const,
          text: `the servers did not come back after ${name}`,
        })),
    ].sort((a, b) => GUARANTEES.indexOf(a.guarantee) - GUARANTEES.indexOf(b.guarantee)),
    late: lateResumption(resumedAfter),
    void: [
      ...(unknown === 0 && losses.length === 0
        ? ["no outcome was unknown: the faults met nothing in flight"]
        : []),
      ...(losses.length > 0 && lost === 0 ? ["nothing that was acknowledged was lost"] : []),
      ...asked.filter((point) => !fired.has(point)).map((point) => `the failpoint ${point} never fired`),
    ],
  };
}

/** Runs the validators while the primaries that were lost can be asked what they had. */
async function checkWithLost(stage: Stage, losses: readonly LossLine[], say: (text: string) => void) {
  const members: PostgresMember[] = [];
  try {
    const lost: LostPrimary[] = [];
    for (const { number, since, until } of losses) {
      const member = await stage.postgres.startLost(number);
      members.push(member);
      lost.push({ url: member.url, since, until });
    }
    const { directory, databaseUrl, postgresLogs } = stage;
    return await checkAll({ directory, databaseUrl, postgresLogs, lost }, say);
  } finally {
    for (const member of members) await member.close();
  }
}

function lateResumption(times: ResumeTimes): string[] {
  return (["server", "postgres", "failover"] as const).flatMap((what) => {
    const ms = times[what].length === 0 ? 0 : quantile(times[what], 0.99);
    if (ms <= FAILING_MS[what]) return [];
    return [`after a kill, ${what}, it took p99 ${(ms / 1000).toFixed(1)} s until clients went on`];
  });
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
