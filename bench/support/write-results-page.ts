import { readFileSync, writeFileSync } from "node:fs";
import { summaryRows } from "./print-summary.js";
import type { BenchSummary, RunSummary } from "./summary.js";

const PATH = "bench/RESULTS.md";
/** Why something falls short, written by people: the name of a verdict or bench, and a sentence or two. */
const REASONS = "bench/shortfalls.json";

/** Writes bench/RESULTS.md from one run. */
export function writeResultsPage(summary: RunSummary): void {
  writeFileSync(PATH, page(summary, JSON.parse(readFileSync(REASONS, "utf8"))));
}

function page(summary: RunSummary, reasons: Readonly<Record<string, string>>): string {
  const { command, time, commit, machine, versions, loadBefore, seconds, rounds, benches } = summary;
  const columns = ["Holdfast", "reference", "median (spread)", "reach", ""];
  const rows = benches
    .flatMap(summaryRows)
    .map(({ name, values }) => `| ${[name, ...columns.map((column) => values[column] ?? "")].join(" | ")} |`);
  return `# What the benchmarks showed

\`${command}\` on ${time.slice(0, 10)}, commit ${commit}: ${machine.processors} × ${machine.processor},
${machine.memoryGiB} GiB, ${machine.system}; Node ${versions.node}, Postgres ${versions.postgres}. Load generators, servers and
Postgres share those cores; the load before the run was ${loadBefore}.

Every ratio is of Holdfast to a reference measured in the same run, ${rounds} rounds of ${seconds} s taking turns: the median, and
the least and greatest of the rounds.

| | ${columns.join(" | ")} |
|---|${columns.map(() => "---|").join("")}
${rows.join("\n")}

${shortfalls(benches, reasons)}
## What was measured

${benches.map(({ bench, about, notes }) => [`- **${bench}**: ${about}.`, ...notes.map((note) => `  ${note}`)].join("\n")).join("\n")}
`;
}

function shortfalls(benches: readonly BenchSummary[], reasons: Readonly<Record<string, string>>): string {
  const short = benches.flatMap(({ bench, verdicts, failed }) => [
    ...(failed === undefined ? [] : [{ name: bench, what: "failed", reason: reasons[bench] }]),
    ...verdicts
      .filter(({ isMet }) => !isMet)
      .map(({ name }) => ({ name, what: "falls short", reason: reasons[name] ?? reasons[bench] })),
  ]);
  if (short.length === 0) return "Nothing falls short.\n";
  const lines = short.map(
    ({ name, what, reason = "the reason is not known yet." }) => `- **${name}** ${what}: ${reason}`,
  );
  return `## What falls short\n\n${lines.join("\n")}\n`;
}
