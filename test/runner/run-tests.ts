import { relative } from "node:path";
import { parseCLI, startVitest } from "vitest/node";
import { closingLines } from "./closing-lines.js";
import { type FileResult, fileResultOf } from "./file-result.js";
import { whyNeverRunAgain } from "./never-run-again.js";

/** More flaky files than this fail a run: then it is not one test that is at fault. */
const MAX_FLAKY = 2;
/** When more files fail they fail for one cause, and to run them again costs time and tells nothing. */
const MAX_RUN_AGAIN = 10;

interface Run {
  readonly files: readonly FileResult[];
  readonly unhandledErrors: number;
}

export interface TestRunOptions {
  /** Whether failed files are run once more. */
  readonly runAgain: boolean;
  readonly say: (line: string) => void;
}

/**
 * Runs tests with the arguments of `vitest run`. A failed file is run once more, alone, if that can tell anything; when
 * it passes then it counts as passed and is printed as `flaky: FILE`. The last line is `N passed, N failed`.
 *
 * @returns the exit code: 0 or 1, or 128 and the number of the signal that stopped the run
 */
export async function runTests(args: readonly string[], { runAgain, say }: TestRunOptions): Promise<number> {
  const { filter, options } = parseCLI(["vitest", "run", ...args]);
  const reporters = options.reporters ?? ["default"];
  const run = async (filters: readonly string[], how: object): Promise<Run> => {
    const { state } = await startVitest("test", [...filters], {
      ...options,
      watch: false,
      reporters,
      ...how,
    });
    return {
      files: state.getTestModules().map(fileResultOf).sort(byFile),
      unhandledErrors: state.getUnhandledErrors().length,
    };
  };
  const nameOf = (file: string) => relative(options.root ?? process.cwd(), file);

  const first = await run(filter, {});
  const failed = first.files.filter((file) => file.failed > 0);
  // Vitest did not get as far as the tests, and has said why.
  const isBroken = process.exitCode !== undefined && failed.length + first.unhandledErrors === 0;
  const flaky =
    runAgain && !isBroken && stopCode() === undefined ? await findFlaky(first, failed, nameOf, say, run) : [];
  const tooMany = flaky.length > MAX_FLAKY;
  for (const { file } of flaky) say(`flaky: ${nameOf(file)}`);
  if (tooMany) say(`expected at most ${MAX_FLAKY} flaky files, got ${flaky.length}: they count as failed`);

  const files = first.files.map(
    (file) => (!tooMany && flaky.find((each) => each.file === file.file)) || file,
  );
  for (const line of closingLines(files, first.unhandledErrors + (isBroken ? 1 : 0))) say(line);
  const code = isBroken || first.unhandledErrors > 0 || files.some((file) => file.failed > 0) ? 1 : 0;
  return stopCode() ?? code;
}

/** The exit code that `cancelOnSignals` has set, if a signal stopped the run. */
function stopCode(): number | undefined {
  const code = Number(process.exitCode ?? 0);
  return code > 128 ? code : undefined;
}

function byFile(a: FileResult, b: FileResult): number {
  return a.file < b.file ? -1 : 1;
}

/** The results of those files that failed first and pass alone. */
async function findFlaky(
  first: Run,
  failed: readonly FileResult[],
  nameOf: (file: string) => string,
  say: (line: string) => void,
  run: (filters: readonly string[], how: object) => Promise<Run>,
): Promise<readonly FileResult[]> {
  if (failed.length === 0) return [];
  if (first.unhandledErrors > 0) {
    say("No file is run again: an error that nobody handled fails the run.");
    return [];
  }
  if (failed.length > MAX_RUN_AGAIN) {
    say(`No file is run again: ${failed.length} failed, and above ${MAX_RUN_AGAIN} they fail for one cause.`);
    return [];
  }
  const again: string[] = [];
  for (const file of failed) {
    const why = whyNeverRunAgain(file);
    if (why === undefined) again.push(file.file);
    else say(`not run again: ${nameOf(file.file)}: ${why}`);
  }
  if (again.length === 0) return [];
  say(`Run once more, each alone: ${again.map(nameOf).join(", ")}`);
  // One process after the other, and a new one for each file.
  const second = await run(again, { fileParallelism: false, isolate: true });
  if (second.unhandledErrors > 0) return [];
  return second.files.filter((file) => file.failed === 0 && file.passed > 0);
}
