import type { BenchRow } from "../bench.js";
import { formatReach, formatValue } from "./judge.js";
import type { BenchSummary } from "./summary.js";
import { printTable } from "./table.js";

/** The one table over all benches that were run. */
export function printSummary(benches: readonly BenchSummary[]): void {
  printTable(benches.flatMap(summaryRows));
}

/** A row for each verdict; one that says so for a bench that has none. */
export function summaryRows({ bench, verdicts, skipped, failed }: BenchSummary): readonly BenchRow[] {
  if (skipped !== undefined || failed !== undefined) {
    const outcome = failed === undefined ? `skipped: ${skipped}` : `failed: ${failed}`;
    return [{ name: bench, values: { "": outcome.split("\n")[0] ?? "" } }];
  }
  return verdicts.map((verdict) => ({
    name: verdict.name,
    values: {
      Holdfast: verdict.holdfast,
      reference: verdict.reference,
      "median (spread)": formatValue(verdict),
      reach: formatReach(verdict.reach, verdict.unit),
      "": verdict.isMet ? "met" : "short",
    },
  }));
}
