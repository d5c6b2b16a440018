import type { FileResult } from "./file-result.js";

/**
 * The end of a run's output: a line for each thing that skipped tests said cannot run here, and `N passed, N failed`
 * alone on the last line, for programs.
 *
 * @param unhandledErrors count as failed: they belong to no test
 */
export function closingLines(files: readonly FileResult[], unhandledErrors: number): readonly string[] {
  const sum = (name: "passed" | "failed" | "skipped") => files.reduce((total, file) => total + file[name], 0);
  const reasons = new Set(files.flatMap(({ skipReasons }) => skipReasons));
  const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
  return [
    ...[...reasons].map((reason) => `not run here: ${reason}`),
    `${sum("passed")} passed, ${sum("failed") + unhandledErrors} failed${skipped}`,
  ];
}
