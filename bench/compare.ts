// `npm run bench:compare`: the ratios of the last run beside those that were committed.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Judged } from "./support/judge.js";
import { readSummary } from "./support/summary.js";
import { printTable } from "./support/table.js";

const BASELINE = "bench/baseline.json";
/** How much worse a ratio may be before it is flagged: what runs differ by on a machine that is left alone. */
const TOLERANCE = 0.15;

/** What was accepted: the ratio of each verdict, and where it is from. */
interface Baseline {
  readonly commit: string;
  readonly machine: object;
  readonly versions: object;
  readonly full: boolean;
  readonly ratios: Readonly<Record<string, number>>;
}

const { values } = parseArgs({
  options: {
    strict: { type: "boolean", default: false },
    accept: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  process.stderr.write(
    "usage: npm run bench:compare -- [--strict] [--accept]\n\n" +
      `Compares the last run of npm run bench with ${BASELINE} and flags ratios that are over ${TOLERANCE * 100} % worse.\n\n` +
      "  --strict  exits with 1 if there are any\n" +
      `  --accept  writes the ratios of the last run to ${BASELINE}; those of benches it left out stay\n`,
  );
} else if (values.accept) accept();
else compare();

function compare(): void {
  const { ratios } = readBaseline();
  const measured = ratioVerdicts();
  const rows = measured.map((verdict) => {
    const before = ratios[verdict.name];
    const change = before === undefined ? undefined : verdict.value / before - 1;
    const isWorse = change !== undefined && worsening(verdict, change) > TOLERANCE;
    return { verdict, before, change, isWorse };
  });
  printTable(
    rows.map(({ verdict, before, change, isWorse }) => ({
      name: verdict.name,
      values: {
        baseline: before?.toFixed(2) ?? "–",
        now: verdict.value.toFixed(2),
        change: change === undefined ? "–" : `${change > 0 ? "+" : ""}${(change * 100).toFixed(0)} %`,
        "": isWorse ? "WORSE" : "",
      },
    })),
  );
  const worse = rows.filter(({ isWorse }) => isWorse).length;
  process.stdout.write(
    `${worse} of ${rows.length} ratios are over ${TOLERANCE * 100} % worse than ${BASELINE}.\n`,
  );
  if (values.strict && worse > 0) process.exitCode = 1;
}

function accept(): void {
  const { commit, machine, versions, full } = readSummary();
  const now = Object.fromEntries(ratioVerdicts().map(({ name, value }) => [name, Number(value.toFixed(3))]));
  const baseline: Baseline = {
    commit,
    machine,
    versions,
    full,
    ratios: { ...readBaseline().ratios, ...now },
  };
  writeFileSync(BASELINE, `${JSON.stringify(baseline, null, 2)}\n`);
  process.stdout.write(`${BASELINE} has ${Object.keys(now).length} new ratios.\n`);
}

/** Times and sizes depend on the machine and are left out. */
function ratioVerdicts(): readonly Judged[] {
  return readSummary()
    .benches.flatMap(({ verdicts }) => verdicts)
    .filter(({ unit }) => unit === "×");
}

/** How much worse, as a share: a ratio of rates gets worse by falling, one of times by rising. */
function worsening({ reach }: Judged, change: number): number {
  return "atLeast" in reach ? -change : change;
}

function readBaseline(): Baseline {
  return JSON.parse(readFileSync(BASELINE, "utf8"));
}
