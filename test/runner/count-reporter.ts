import type { Reporter, SerializedError, TestModule } from "vitest/node";
import { closingLines } from "./closing-lines.js";
import { fileResultOf } from "./file-result.js";

/** Closes a run of `npx vitest` with the lines that `npm test` ends with. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    for (const line of closingLines(modules.map(fileResultOf), unhandledErrors.length)) console.log(line);
  }
}
