#!/usr/bin/env node
// `npm run verify:long`: all that needs many minutes of load, one after the other, about four hours. CI shows for a
// minute at most that it works.
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { PROJECT } from "./project.js";

const USAGE = `usage: npm run verify:long -- [NAME …] [--seed S] [--minutes N] [--cases N]

  tests, bugs, leaks, chaos, standby, lossy, soak, bench, fuzz: what to run; all unless named
  --seed     the same seed gives the same faults, load and cases (a random one, which is told)
  --minutes  of faults (20)
  --cases    of fuzz (1000000)

Goes on after a failure, ends with a summary, and exits with 1 if anything failed or a run proved nothing.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    minutes: { type: "string", default: "20" },
    cases: { type: "string", default: "1000000" },
    help: { type: "boolean", default: false },
  },
});
const { seed, minutes, cases } = values;

/**
 * What is run, by name: the arguments of scripts/run.js.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const RUNS = {
  tests: ["test"],
  bugs: ["chaos", "--self-test"],
  leaks: ["soak", "--self-test"],
  chaos: ["chaos", "--minutes", minutes, "--seed", seed],
  standby: ["chaos", "--faults", "failover-sync,sync-stall", "--minutes", minutes, "--seed", seed],
  lossy: ["chaos", "--faults", "failover-async,two-primaries", "--minutes", minutes, "--seed", seed],
  soak: ["soak", "--seed", seed],
  bench: ["bench", "--full"],
  fuzz: ["fuzz", "--cases", cases, "--seed", seed],
};

/** Properties are tried with all inputs (`test/support/property-runs.ts`). */
const ENV = { ...process.env, HOLDFAST_TEST_ALL_RUNS: "1" };

/** @type {import("node:child_process").ChildProcess | undefined} */
let current;
let isStopped = false;
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => {
    isStopped = true;
    current?.kill(signal);
  });
}

const names = positionals.length > 0 ? positionals : Object.keys(RUNS);
if (values.help || names.some((name) => !(name in RUNS))) {
  process.stderr.write(USAGE);
  process.exitCode = values.help ? 0 : 2;
} else process.exitCode = await runAll(names);

/**
 * @param {readonly string[]} names
 * @returns {Promise<number>} the exit code
 */
async function runAll(names) {
  const summary = [];
  let failed = 0;
  for (const name of names) {
    if (isStopped) break;
    const args = RUNS[name] ?? [];
    process.stdout.write(`\n== ${name}: node scripts/run.js ${args.join(" ")}\n`);
    const start = performance.now();
    const code = await run(args);
    if (code !== 0) failed += 1;
    const seconds = Math.round((performance.now() - start) / 1000);
    const outcome = code === 0 ? "passed" : `FAILED with ${code}`;
    summary.push(`${String(seconds).padStart(6)} s  ${name}: ${outcome}`);
  }
  process.stdout.write(`\n== summary (seed ${seed})\n${summary.join("\n")}\n`);
  const left = names.length - summary.length;
  const stopped = left > 0 ? `, ${left} not run: stopped by a signal` : "";
  process.stdout.write(`${summary.length - failed} passed, ${failed} failed${stopped}\n`);
  return failed + left === 0 ? 0 : 1;
}

/**
 * @param {readonly string[]} args
 * @returns {Promise<number | string>} the exit code, or the signal that ended it
 */
function run(args) {
  return new Promise((resolve, reject) => {
    current = spawn(process.execPath, ["scripts/run.js", ...args], {
      cwd: PROJECT,
      stdio: "inherit",
      env: ENV,
    });
    current.once("error", reject);
    current.once("close", (code, signal) => resolve(code ?? signal ?? "an unknown signal"));
  });
}
