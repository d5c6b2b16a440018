import type { SerializedError, TestModule } from "vitest/node";

/** How the tests of one file went. */
export interface FileResult {
  /** Absolute path. */
  readonly file: string;
  readonly passed: number;
  /** A file that cannot be imported, or whose hook throws, fails without failing any test; it counts as one. */
  readonly failed: number;
  readonly skipped: number;
  /** What skipped tests gave to `context.skip("…")`. */
  readonly skipReasons: readonly string[];
  /** The names of all errors: "AssertionError", "LeakError". */
  readonly errorNames: readonly string[];
}

export function fileResultOf(module: TestModule): FileResult {
  const results = [...module.children.allTests()].map((test) => test.result());
  const count = (state: "passed" | "failed" | "skipped") =>
    results.filter((result) => result.state === state).length;
  const errors: readonly SerializedError[] = [
    ...module.errors(),
    ...[...module.children.allSuites()].flatMap((suite) => suite.errors()),
    ...results.flatMap((result) => result.errors ?? []),
  ];
  return {
    file: module.moduleId,
    passed: count("passed"),
    failed: count("failed") || (module.state() === "failed" ? 1 : 0),
    skipped: count("skipped"),
    skipReasons: results.flatMap((result) =>
      result.state === "skipped" && result.note ? [result.note] : [],
    ),
    errorNames: errors.map(({ name }) => name ?? "Error"),
  };
}
