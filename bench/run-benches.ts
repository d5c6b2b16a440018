import { setTimeout as delay } from "node:timers/promises";
import { receiveStopSignals } from "../src/cli/stop-signals.js";
import { type Bench, type BenchOptions, type BenchResult, SkippedError } from "./bench.js";
import { type Cluster, startCluster } from "./support/cluster.js";
import { describeRun } from "./support/describe-run.js";
import { judge } from "./support/judge.js";
import { printSummary } from "./support/print-summary.js";
import { type BenchSummary, type RunSummary, writeSummary } from "./support/summary.js";
import { printTable } from "./support/table.js";
import { writeResult } from "./support/write-result.js";
import { writeResultsPage } from "./support/write-results-page.js";

/** The exit code of a program that Ctrl-C ended. */
const INTERRUPTED = 130;
/** The load that a machine has by itself, at most. */
const QUIET = 0.5;
/**
 * A bench that takes longer hangs, and is given up for the sake of the others. Growth over ten million rows takes some
 * eight minutes on a slow machine.
 */
const PATIENCE_MS = 15 * 60_000;

/**
 * Runs benches one after the other and writes what they gave after each, so that
 * one that fails takes nothing from the others. Returns whether none failed.
 */
export async function runBenches(
  benches: readonly Bench[],
  options: BenchOptions,
  { command, writeResults }: { readonly command: string; readonly writeResults: boolean },
): Promise<boolean> {
  const done: BenchSummary[] = [];
  let path = "";
  // Once: what the run writes and does would change it.
  const described = describeRun();
  const { loadBefore } = described;
  if (loadBefore > QUIET)
    say(`This machine is busy (load ${loadBefore}): what is measured now means little.\n`);
  const stop = receiveStopSignals();
  for (const bench of benches) {
    const started = performance.now();
    const cluster = await startCluster(stop.first);
    const { profileDirectory: _, ...shown } = options;
    const versions = { ...described.versions, postgres: cluster.version };
    const run = { ...described, versions, command, ...shown };
    done.push(await runBench(bench, options, cluster, run, stop.first));
    say(`${bench.name} took ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
    const summary: RunSummary = { ...run, benches: done };
    path = writeSummary(summary);
    if (writeResults) writeResultsPage(summary);
  }
  stop.close();
  printSummary(done);
  say(`written to ${path}`);
  return done.every(({ failed }) => failed === undefined);
}

async function runBench(
  bench: Bench,
  options: BenchOptions,
  cluster: Cluster,
  run: object,
  signal: AbortSignal,
): Promise<BenchSummary> {
  // Postgres outlives whoever started it unless told to stop.
  const stop = () => void cluster.close().finally(() => process.exit(INTERRUPTED));
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const { name, about } = bench;
  try {
    say(`== ${name}: ${about}`);
    const result = await withPatience(bench.run({ ...options, cluster, say }));
    printTable(result.rows);
    for (const note of result.notes) say(note);
    const verdicts = result.verdicts.map(judge);
    say(`written to ${writeResult(name, { bench: name, ...run, verdicts, ...result.figures })}`);
    return { bench: name, about, verdicts, notes: result.notes };
  } catch (error) {
    const isSkipped = error instanceof SkippedError;
    const why =
      error instanceof Error ? (isSkipped ? error.message : (error.stack ?? error.message)) : String(error);
    say(`${isSkipped ? "skipped" : "FAILED"}: ${why}`);
    return { bench: name, about, verdicts: [], notes: [], [isSkipped ? "skipped" : "failed"]: why };
  } finally {
    signal.removeEventListener("abort", stop);
    await cluster.close().catch((error: unknown) => say(`Postgres did not stop: ${error}`));
  }
}

async function withPatience(work: Promise<BenchResult>): Promise<BenchResult> {
  const timer = new AbortController();
  const givenUp = delay(PATIENCE_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`given up after ${PATIENCE_MS / 60_000} minutes`);
  });
  givenUp.catch(() => {});
  // Of one given up nobody waits for what still comes.
  work.catch(() => {});
  try {
    return await Promise.race([work, givenUp]);
  } finally {
    timer.abort();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
