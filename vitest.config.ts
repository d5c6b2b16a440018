import { fileURLToPath } from "node:url";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { LongFirst } from "./test/support/long-first.js";

/** The tests of abuse start servers of their own and compare the times of another tenant's calls. */
const ABUSE = "test/abuse/**/*.test.ts";
/**
 * Milliseconds after which a test or a hook hangs. Nothing else takes that long: on a machine that is busy with other
 * things a test of ten seconds takes two minutes.
 */
const HANGS_MS = 300_000;
/** Milliseconds after which what a test polls for does not come. */
const NEVER_MS = 60_000;

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    // Of the whole run, not of each project: there is one Postgres for both.
    globalSetup: ["test/support/global-setup.ts"],
    reporters: ["default", "./test/runner/count-reporter.ts"],
    projects: [
      project({
        name: "tests",
        include: ["src/**/*.test.ts", "clients/typescript/src/**/*.test.ts", "test/**/*.test.ts"],
        exclude: ["dist/**", "**/node_modules/**", ABUSE],
        // Much of the time is waiting, for commits, timers and processes, also on a machine of two cores.
        maxWorkers: 3,
        sequence: { groupOrder: 0 },
      }),
      project({
        name: "abuse",
        include: [ABUSE],
        // One after the other, when all others are done: nothing but the abuse may slow the calls that are compared.
        maxWorkers: 1,
        sequence: { groupOrder: 1 },
      }),
    ],
  },
});

function project(test: NonNullable<TestProjectInlineConfiguration["test"]>): TestProjectInlineConfiguration {
  return {
    // The client as it stands in the sources, not as it was last built.
    resolve: {
      alias: {
        "@holdfast/client": fileURLToPath(new URL("clients/typescript/src/index.ts", import.meta.url)),
      },
    },
    test: {
      // Tests own processes and sockets: in a process of its own a crash is that of one file, and its worker's successor
      // goes on. Files take turns in a worker, which loads the modules once: nothing is kept in their state.
      pool: "forks",
      isolate: false,
      setupFiles: ["test/support/leave-nothing.ts"],
      testTimeout: HANGS_MS,
      hookTimeout: HANGS_MS,
      expect: { poll: { timeout: NEVER_MS } },
      ...test,
    },
  };
}
