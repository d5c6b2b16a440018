import type { Cluster } from "./support/cluster.js";

/** What the command line asks of every bench. */
export interface BenchOptions {
  /** How long each measurement runs. */
  readonly seconds: number;
  /** How often it is repeated, the reference and Holdfast taking turns. */
  readonly rounds: number;
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

export interface BenchResult {
  readonly rows: readonly BenchRow[];
  /** Below the table: ratios, and what to know about the figures. */
  readonly notes: readonly string[];
  /** Everything measured, for the JSON file. */
  readonly figures: Readonly<Record<string, unknown>>;
}

/** One benchmark; each is a file of its own and a line in main.ts. */
export interface Bench {
  readonly name: string;
  readonly about: string;
  run(context: BenchContext): Promise<BenchResult>;
}
