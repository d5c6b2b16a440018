import { readFileSync } from "node:fs";
import type { describeRun } from "./describe-run.js";
import type { Judged } from "./judge.js";
import { RESULTS, writeJson } from "./write-result.js";

/** What became of one bench in a run. */
export interface BenchSummary {
  readonly bench: string;
  readonly about: string;
  readonly verdicts: readonly Judged[];
  /** What to know about the figures. */
  readonly notes: readonly string[];
  /** Why it has no verdicts. */
  readonly skipped?: string;
  readonly failed?: string;
}

/** One run of one or more benches. */
export interface RunSummary extends ReturnType<typeof describeRun> {
  readonly versions: { readonly node: string; readonly postgres: string };
  /** What was typed. */
  readonly command: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly full: boolean;
  readonly benches: readonly BenchSummary[];
}

const PATH = `${RESULTS}/last-run.json`;

/** Replaces what is known of the last run. */
export function writeSummary(summary: RunSummary): string {
  return writeJson(PATH, summary);
}

/** @throws Error when nothing was run yet. */
export function readSummary(): RunSummary {
  try {
    return JSON.parse(readFileSync(PATH, "utf8"));
  } catch (cause) {
    throw new Error(`expected the results of a run in ${PATH}; start one with npm run bench`, { cause });
  }
}
