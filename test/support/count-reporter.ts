import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";

/**
 * Closes the run with `N passed, N failed` alone on a line, for programs, after
 * a line for each thing that skipped tests said cannot run here.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: ReturnType<TestCase["result"]>["state"]) =>
      tests.filter((test) => test.result().state === state).length;
    // A file that cannot be imported, or a hook that throws, fails without failing any test.
    const brokenModules = modules.filter(
      (module) => module.state() === "failed" && [...module.children.allTests("failed")].length === 0,
    );
    const failed = count("failed") + brokenModules.length + unhandledErrors.length;
    const skipped = count("skipped") > 0 ? `, ${count("skipped")} skipped` : "";
    for (const reason of new Set(tests.map(skipReason))) if (reason) console.log(`not run here: ${reason}`);
    console.log(`${count("passed")} passed, ${failed} failed${skipped}`);
  }
}

/** What a test gave to `context.skip("…")`. */
function skipReason(test: TestCase): string | undefined {
  const result = test.result();
  return result.state === "skipped" ? result.note : undefined;
}
