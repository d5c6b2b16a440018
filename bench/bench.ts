import type { Cluster } from "./support/cluster.js";

/** What the command line asks of every bench. */
export interface BenchOptions {
  /** How long each measurement runs. */
  readonly seconds: number;
  /** How often it is repeated, the reference and Holdfast taking turns. */
  readonly rounds: number;
  /** Whether the sizes are those that are published; else smaller ones that take seconds to fill. */
  readonly full: boolean;
  /** Where CPU profiles are written; none without. */
  readonly profileDirectory: string | undefined;
}

/** What a bench finds prepared: a Postgres of its own. */
export interface BenchContext extends BenchOptions {
  readonly cluster: Cluster;
  /** Tells whoever watches what is being done. */
  readonly say: (line: string) => void;
}

/** One line of a bench's table: a name, then a value for each column. */
export interface BenchRow {
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
}

/** What is to be reached: at least or at most so much. */
export type Reach = { readonly atLeast: number } | { readonly atMost: number };

/** One line of the table over all benches: what was measured and whether that is enough. */
export interface Verdict {
  /** The bench's, with what tells its verdicts apart where it has several. */
  readonly name: string;
  /** The figure of each side, with its unit; "–" where there is no reference. */
  readonly holdfast: string;
  readonly reference: string;
  /** "×" for a ratio of Holdfast to the reference, else the unit of Holdfast's figure itself. */
  readonly unit: "×" | "ms" | "s" | "MiB" | "/s";
  /** What is compared with the reach, round by round; the median counts. */
  readonly values: readonly number[];
  readonly reach: Reach;
}

export interface BenchResult {
  readonly rows: readonly BenchRow[];
  /** Below the table: ratios, and what to know about the figures. */
  readonly notes: readonly string[];
  readonly verdicts: readonly Verdict[];
  /** Everything measured, for the JSON file. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/** Thrown by a bench that cannot be run here; the message says what is missing. */
export class SkippedError extends Error {
  override readonly name = "SkippedError";
}

/** One benchmark; each is a file of its own and a line in benches.ts. */
export interface Bench {
  readonly name: string;
  readonly about: string;
  /** Takes minutes whatever the options: run only when named, or with --full. */
  readonly long?: boolean;
  run(context: BenchContext): Promise<BenchResult>;
}
