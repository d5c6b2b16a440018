// `npm run bench`: measures Holdfast, where there is one beside a reference in the same run.
import { parseArgs } from "node:util";
import { benches } from "./benches.js";
import { runBenches } from "./run-benches.js";

/** About three minutes, and about half an hour. */
const DEFAULTS = { quick: { seconds: 1, rounds: 3 }, full: { seconds: 4, rounds: 5 } };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string" },
    rounds: { type: "string" },
    full: { type: "boolean", default: false },
    "write-results": { type: "boolean", default: false },
    profile: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const { full } = values;
const defaults = full ? DEFAULTS.full : DEFAULTS.quick;
const options = {
  seconds: Number(values.seconds ?? defaults.seconds),
  rounds: Number(values.rounds ?? defaults.rounds),
  full,
  profileDirectory: values.profile,
};
const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));

if (values.help || unknown.length > 0 || !(options.seconds > 0) || !(options.rounds > 0)) {
  process.stderr.write(usage());
  process.exitCode = values.help ? 0 : 2;
} else {
  const chosen = benches.filter(({ name, long }) =>
    positionals.length === 0 ? full || !long : positionals.includes(name),
  );
  const command = ["npm run bench --", ...process.argv.slice(2)].join(" ");
  const isWhole = await runBenches(chosen, options, { command, writeResults: values["write-results"] });
  // A bench that was given up may have left something running.
  process.exit(isWhole ? 0 : 1);
}

function usage(): string {
  const list = benches
    .map(({ name, about, long }) => `  ${name.padEnd(14)} ${about}${long ? " (long)" : ""}\n`)
    .join("");
  const { quick } = DEFAULTS;
  return (
    "usage: npm run bench -- [NAME …] [--full] [--seconds N] [--rounds N] [--write-results] [--profile DIRECTORY]\n" +
    `\n${list}\n` +
    "  without names all but the long ones\n" +
    "  --full           the long ones too, at the sizes that are published, for longer\n" +
    `  --seconds        how long each measurement runs (${quick.seconds}; ${DEFAULTS.full.seconds} with --full)\n` +
    `  --rounds         how often, reference and Holdfast in turn (${quick.rounds}; ${DEFAULTS.full.rounds} with --full)\n` +
    "  --write-results  writes bench/RESULTS.md\n" +
    "  --profile        writes CPU profiles of servers and load generators there\n"
  );
}
