// `npm run fuzz`: sends a server of its own what no client should, for as long as you like.
import { parseArgs } from "node:util";
import { receiveStopSignals } from "../src/cli/stop-signals.js";
import { abuses } from "./abuses/abuses.js";
import { fuzzAbuses } from "./fuzz-abuses.js";
import { fuzzRpcs } from "./fuzz-rpcs.js";
import { fuzzSockets } from "./fuzz-sockets.js";
import { startTarget } from "./start-target.js";

/** One takes seconds, as long as some thousand calls. */
const CASES_AN_ABUSE = 1000;
/** In a run of any length: each ten times, in another way each time. More would take longer than the calls. */
const MAX_ABUSES = 10 * abuses.length;
/** The exit code of a program that Ctrl-C ended. */
const INTERRUPTED = 130;
const USAGE = `usage: npm run fuzz -- [--cases N] [--seed S]

  --cases   calls and connections to make, nine calls for each connection, and an abuse for each
            thousand, at least ${abuses.length} and at most ${MAX_ABUSES} (20000)
  --seed    the same seed makes the same cases (4650)
`;

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "20000" },
    seed: { type: "string", default: "4650" },
    help: { type: "boolean", default: false },
  },
});
const cases = Number(values.cases);
const seed = Number(values.seed);

if (values.help || !Number.isInteger(cases) || cases < 1 || !Number.isInteger(seed)) {
  process.stderr.write(USAGE);
  process.exitCode = values.help ? 0 : 2;
} else {
  // Most calls end as an error, whose place in this program is of no interest and takes long to tell.
  Error.stackTraceLimit = 0;
  const signals = receiveStopSignals();
  const target = await startTarget(signals.first);
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  // What is under way fails when the server is gone, which ends nothing but this run.
  const interrupt = () => void target.close().finally(() => process.exit(INTERRUPTED));
  signals.first.addEventListener("abort", interrupt, { once: true });
  if (signals.first.aborted) interrupt();
  try {
    const run = { target, seed, say };
    const connections = Math.ceil(cases / 10);
    const abused = await fuzzAbuses({
      ...run,
      cases: Math.min(MAX_ABUSES, Math.max(abuses.length, Math.ceil(cases / CASES_AN_ABUSE))),
    });
    const findings = await fuzzRpcs({ ...run, cases: cases - connections });
    await fuzzSockets({ ...run, cases: connections });
    const complaints = await target.close();
    for (const finding of findings) say(JSON.stringify(finding));
    for (const complaint of [...abused, ...complaints]) say(complaint);
    const failed = findings.length + abused.length + complaints.length;
    say(`${cases} cases, seed ${seed}: ${failed === 0 ? "nothing found" : `${failed} findings`}`);
    process.exitCode = failed === 0 ? 0 : 1;
  } finally {
    await target.close();
    signals.close();
  }
}
