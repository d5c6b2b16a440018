// `npm run bench -- NAME`: measures Holdfast beside a reference in the same run.
import { parseArgs } from "node:util";
import type { Bench } from "./bench.js";
import { importBench } from "./import.js";
import { importKills } from "./import-kills.js";
import { ingest } from "./ingest.js";
import { search } from "./search.js";
import { startCluster } from "./support/cluster.js";
import { describeRun } from "./support/describe-run.js";
import { printTable } from "./support/table.js";
import { writeResult } from "./support/write-result.js";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

const benches: readonly Bench[] = [ingest, search, importBench, importKills];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "10" },
    rounds: { type: "string", default: "3" },
    profile: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));
const options = {
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  profileDirectory: values.profile,
};

if (values.help || unknown.length > 0 || !(options.seconds > 0) || !(options.rounds > 0)) {
  process.stderr.write(usage());
  process.exitCode = values.help ? 0 : 2;
} else {
  const chosen = benches.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  for (const bench of chosen) await runBench(bench);
}

async function runBench(bench: Bench): Promise<void> {
  const cluster = await startCluster();
  // Postgres outlives whoever started it unless told to stop.
  const stop = () => void cluster.close().finally(() => process.exit(130));
  for (const signal of SIGNALS) process.once(signal, stop);
  try {
    say(`${bench.name}: ${bench.about}`);
    const result = await bench.run({ ...options, cluster, say });
    printTable(result.rows);
    for (const note of result.notes) say(note);
    const run = { bench: bench.name, ...describeRun(cluster.version), ...options };
    say(`written to ${writeResult(bench.name, { ...run, ...result.figures })}`);
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
    await cluster.close();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function usage(): string {
  const list = benches.map(({ name, about }) => `  ${name.padEnd(12)} ${about}\n`).join("");
  return (
    `usage: npm run bench -- [NAME …] [--seconds N] [--rounds N] [--profile DIRECTORY]\n\n${list}\n` +
    "  --seconds    how long each measurement runs (10)\n" +
    "  --rounds     how often, reference and Holdfast in turn (3)\n" +
    "  --profile    writes CPU profiles of server and producer there\n"
  );
}
