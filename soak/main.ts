// `npm run soak`: serves a steady mixed load for as long as you like, and shows that servers hold no more at its end.
import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeRun } from "../bench/support/describe-run.js";
import { checkAll } from "../chaos/checks/check-all.js";
import { ACKNOWLEDGED } from "../chaos/ledger/written.js";
import { writeGuarantees } from "../chaos/write-guarantees.js";
import { receiveStopSignals } from "../src/cli/stop-signals.js";
import { judgeCourses } from "./judge.js";
import { formatSoak } from "./report.js";
import { soak } from "./run.js";
import { testSoak } from "./self-test.js";

/** Leaves most of two processors to others: what is looked for is what stays, not what fits. */
const DEFAULT_PER_SECOND = 100;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string" },
    rate: { type: "string", default: String(DEFAULT_PER_SECOND) },
    directory: { type: "string", default: "soak/results" },
    "self-test": { type: "boolean", default: false },
    "write-guarantees": { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const stop = receiveStopSignals();
const say = (text: string) => void process.stderr.write(`${text}\n`);

if (values.help) process.stdout.write(usage());
else if (values["self-test"]) process.exitCode = await testSoak(resolve(values.directory), say, stop.first);
else process.exitCode = await runOnce();
// Nothing is left to wait for; a forgotten handle must not keep a finished run from ending.
process.exit();

async function runOnce(): Promise<number> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  const minutes = Number(values.minutes);
  const perSecond = Number(values.rate);
  if (!(minutes > 0) || !Number.isInteger(seed) || !(perSecond > 0)) throw new RangeError(usage());
  const name = `${new Date().toISOString().replaceAll(/[:.]/g, "-")}-seed-${seed}`;
  const directory = join(resolve(values.directory), name);
  const rate = perSecond === DEFAULT_PER_SECOND ? "" : ` --rate ${perSecond}`;
  const command = `npm run soak -- --minutes ${minutes} --seed ${seed}${rate}`;
  say(`${command}  (in ${directory})`);
  const machine = describeRun();
  const options = { directory, seconds: minutes * 60, seed, perSecond, say, signal: stop.first };
  const { stage, troubles, ...soaked } = await soak(options);
  const versions = { ...machine.versions, postgres: stage.version };
  const description = { ...machine, versions, command, seed, seconds: minutes * 60 };
  const { postgresLogs } = stage;
  const { evidence, violations } = await checkAll(
    { directory, databaseUrl: stage.databaseUrl, postgresLogs },
    say,
  ).finally(() => stage.close());
  const verdict = {
    acknowledged: evidence.written.tally(ACKNOWLEDGED),
    samples: soaked.during.length,
    courses: judgeCourses(soaked),
    violations,
    troubles,
  };
  const report = formatSoak(description, verdict);
  process.stdout.write(`${report}\n`);
  writeFileSync(
    `${directory}.json`,
    `${JSON.stringify({ ...description, ...verdict, ...soaked }, null, 2)}\n`,
  );
  say(`written to ${directory}.json`);
  const leaks = verdict.courses.filter(({ leak }) => leak !== undefined);
  if (leaks.length + violations.length > 0) return 1;
  if (troubles.length > 0) return 2;
  rmSync(directory, { recursive: true, force: true });
  if (values["write-guarantees"]) say(`written to ${writeGuarantees("The last long soak", report)}`);
  return 0;
}

function usage(): string {
  return `npm run soak -- [--minutes N] [--seed S] [--rate N] [--directory DIR] [--write-guarantees]
npm run soak -- --self-test      shows that leaks in the servers are found

Runs two servers on a Postgres of their own under a steady load of everything that clients do, without faults, for N
minutes (default 5) after a shorter run to warm up. Looks every few seconds at what servers and Postgres hold, and
compares what they hold before and after while nobody is connected. Then checks every guarantee of docs/GUARANTEES.md.
--rate is the writes a second that recorders aim at (default ${DEFAULT_PER_SECOND}). What a run leaves is removed when it
passed; with --write-guarantees its tables go to docs/GUARANTEES.md.
Exits 1 when something grew that must not or a guarantee was broken, 2 when clients did not end as they should.
`;
}
