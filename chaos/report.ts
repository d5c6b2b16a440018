import type { describeRun } from "../bench/support/describe-run.js";
import { quantile } from "../bench/support/statistics.js";
import { count } from "../bench/support/table.js";
import { GUARANTEES } from "./checks/guarantee.js";
import type { Verdict } from "./judge.js";

/** What a run is known by. */
type Described = ReturnType<typeof describeRun>;

export interface RunDescription extends Described {
  readonly versions: Described["versions"] & { readonly postgres: string };
  readonly command: string;
  readonly seed: number;
  readonly seconds: number;
}

/** Longest times to resume that an operator may count on, in milliseconds. */
const LIMITS_MS = { server: 2_000, postgres: 10_000, failover: 10_000, serving: 5_000 };

/** The table of a run, as docs/GUARANTEES.md shows it. */
export function formatReport(run: RunDescription, verdict: Verdict): string {
  const { machine, versions } = run;
  const faults = Object.entries(verdict.faults).sort(([, a], [, b]) => b - a);
  const total = faults.reduce((sum, [, n]) => sum + n, 0);
  const broken = GUARANTEES.map((name) => [
    name,
    verdict.violations.filter(({ guarantee }) => guarantee === name).length,
  ]).filter(([, n]) => n !== 0);
  const rows: readonly (readonly [string, string])[] = [
    ["date", run.time],
    ["commit", run.commit],
    ["machine", `${machine.processors} × ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.system}`],
    ["versions", `Node ${versions.node}, Postgres ${versions.postgres}`],
    ["command", `\`${run.command}\` (seed ${run.seed})`],
    ["faults", `${total}: ${faults.map(([name, n]) => `${name} ${n}`).join(", ")}`],
    ["acknowledged", count(verdict.acknowledged)],
    ["journaled by a client", count(verdict.journaled)],
    ["refused, nothing stored", count(verdict.refused)],
    ["unknown", count(verdict.unknown)],
    ...(verdict.lost > 0
      ? ([["acknowledged while the standby lagged, and lost", count(verdict.lost)]] as const)
      : []),
    ["resumed after a server was killed", resumed(verdict.resumedAfter.server, LIMITS_MS.server)],
    ["resumed after Postgres was killed", resumed(verdict.resumedAfter.postgres, LIMITS_MS.postgres)],
    ...(verdict.servingMs.length > 0
      ? ([
          ["SERVING after a standby was promoted", resumed(verdict.servingMs, LIMITS_MS.serving)],
          ["resumed after a failover", resumed(verdict.resumedAfter.failover, LIMITS_MS.failover)],
        ] as const)
      : []),
    [
      "read and found right",
      Object.entries(verdict.reads)
        .map(([what, n]) => `${count(n)} ${what}`)
        .join(", "),
    ],
    ["violations", broken.length === 0 ? "0" : broken.map(([name, n]) => `${name} ${n}`).join(", ")],
  ];
  const table = ["| | |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)];
  const notes = [
    ...Object.entries(verdict.notTested).map(([name, why]) => `Not tested: ${name}, ${why}.`),
    ...verdict.void.map((why) => `This run proves nothing: ${why}.`),
    ...verdict.late.map((what) => `Late: ${what}.`),
    ...verdict.violations.map(({ guarantee, text }) => `${guarantee}: ${text}`),
  ];
  return [...table, "", ...notes].join("\n");
}

function resumed(times: readonly number[], limitMs: number): string {
  if (times.length === 0) return "–";
  const seconds = (share: number) => `${(quantile(times, share) / 1000).toFixed(2)} s`;
  return `p50 ${seconds(0.5)}, p99 ${seconds(0.99)} (limit ${limitMs / 1000} s; ${times.length} times)`;
}
