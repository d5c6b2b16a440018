// `npm run chaos`: kills everything that can be killed and checks that nothing was lost.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeRun } from "../bench/support/describe-run.js";
import { receiveStopSignals } from "../src/cli/stop-signals.js";
import { chooseFaults, FAULTS, NOT_TESTED } from "./faults/faults.js";
import { judge, type Verdict } from "./judge.js";
import { formatReport } from "./report.js";
import { run } from "./run.js";
import { testHarness } from "./self-test.js";
import { BUGS, findBug } from "./server/bugs/bugs.js";
import { Stage } from "./stage/stage.js";
import { writeGuarantees } from "./write-guarantees.js";

/** Leaves two processors room for a server to start beside the others; a million are acknowledged in twenty minutes. */
const DEFAULT_PER_SECOND = 1000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "2" },
    seed: { type: "string" },
    faults: { type: "string", default: "" },
    rate: { type: "string", default: String(DEFAULT_PER_SECOND) },
    directory: { type: "string", default: "chaos/results" },
    keep: { type: "boolean", default: false },
    bug: { type: "string" },
    check: { type: "string" },
    "write-guarantees": { type: "boolean", default: false },
    "self-test": { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const stop = receiveStopSignals();
const say = (text: string) => void process.stderr.write(`${text}\n`);

if (values.help) process.stdout.write(usage());
else if (values.check !== undefined) process.exitCode = await checkAgain(resolve(values.check));
else if (values["self-test"])
  process.exitCode = await testHarness(
    values.bug === undefined ? BUGS : [findBug(values.bug)],
    resolve(values.directory),
    say,
    stop.first,
  );
else process.exitCode = await runOnce();
// Nothing is left to wait for; a forgotten handle must not keep a finished run from ending.
process.exit();

async function runOnce(): Promise<number> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  const minutes = Number(values.minutes);
  const names = values.faults.split(",").filter((name) => name !== "");
  const faults = chooseFaults(names);
  const perSecond = Number(values.rate);
  if (!(minutes > 0) || !Number.isInteger(seed) || !(perSecond > 0)) throw new RangeError(usage());
  const name = `${new Date().toISOString().replaceAll(/[:.]/g, "-")}-seed-${seed}`;
  const directory = join(resolve(values.directory), name);
  const flags = [
    names.length > 0 ? ` --faults ${names.join(",")}` : "",
    ` --seed ${seed}`,
    perSecond === DEFAULT_PER_SECOND ? "" : ` --rate ${perSecond}`,
  ];
  const command = `npm run chaos -- --minutes ${minutes}${flags.join("")}`;
  say(`${command}  (in ${directory})`);
  const bug = values.bug === undefined ? undefined : findBug(values.bug);
  const signal = stop.first;
  const options = { directory, seconds: minutes * 60, seed, faults, perSecond, say, signal };
  const { stage, troubles } = await run({ ...options, ...(bug && { bug }) });
  const machine = describeRun();
  const versions = { ...machine.versions, postgres: stage.version };
  const description = { ...machine, versions, command, seed, seconds: minutes * 60 };
  writeFileSync(join(directory, "run.json"), JSON.stringify({ description, troubles }, null, 2));
  const judged = await judge(stage, say).finally(() => stage.close());
  const verdict = { ...judged, void: [...troubles, ...judged.void] };
  const exitCode = tell(directory, description, verdict);
  if (exitCode !== 0) say(`Look again with: npm run chaos -- --check ${directory}`);
  else if (!values.keep) rmSync(directory, { recursive: true, force: true });
  return exitCode;
}

/** Judges what an earlier run left. */
async function checkAgain(directory: string): Promise<number> {
  const { description, troubles } = JSON.parse(readFileSync(join(directory, "run.json"), "utf8"));
  const stage = await Stage.reopen(directory);
  const judged = await judge(stage, say).finally(() => stage.close());
  return tell(directory, description, { ...judged, void: [...troubles, ...judged.void] });
}

/** Tells what came of a run; returns the exit code. */
function tell(directory: string, description: Parameters<typeof formatReport>[0], verdict: Verdict): number {
  const report = [formatReport(description, verdict), ...NOT_TESTED.map((each) => `Not tested: ${each}.`)];
  process.stdout.write(`${report.join("\n")}\n`);
  mkdirSync(directory, { recursive: true });
  const path = `${directory}.json`;
  writeFileSync(path, `${JSON.stringify({ ...description, ...verdict }, null, 2)}\n`);
  say(`written to ${path}`);
  const exitCode = verdict.violations.length > 0 ? 1 : verdict.void.length + verdict.late.length > 0 ? 2 : 0;
  // Not what a failed run says: it belongs to whoever mends what it found.
  if (values["write-guarantees"] && exitCode === 0)
    say(`written to ${writeGuarantees("The last long run", report.join("\n\n"))}`);
  return exitCode;
}

function usage(): string {
  return `npm run chaos -- [--minutes N] [--seed S] [--faults LIST] [--rate N] [--directory DIR] [--keep]
              [--write-guarantees]
npm run chaos -- --bug NAME …    with a bug in the servers, to see it found: ${BUGS.map(({ name }) => name).join(", ")}
npm run chaos -- --check DIR     judges again what a run left
npm run chaos -- --self-test     shows that the classic bugs are found; --bug NAME: this one

Runs two servers on a Postgres of their own with clients that write, read and follow, injects faults for N minutes
(default 2), and checks every guarantee of docs/GUARANTEES.md. The same seed gives the same faults. --rate is the
writes a second that recorders aim at (default ${DEFAULT_PER_SECOND}). What a run leaves is removed when it passed,
unless --keep; with --write-guarantees the table of one that passed goes to the end of docs/GUARANTEES.md.
Exits 1 when a guarantee was broken, 2 when the run proves nothing or clients went on far too late.

Faults: ${namesOf(false)}
With a standby of Postgres, only when named: ${namesOf(true)}
`;
}

function namesOf(needsStandby: boolean): string {
  return FAULTS.filter((fault) => (fault.needsStandby ?? false) === needsStandby)
    .map(({ name }) => name)
    .join(", ");
}
