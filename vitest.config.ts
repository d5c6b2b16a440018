import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { LongFirst } from "./test/support/long-first.js";

export default defineConfig({
  // The client as it stands in the sources, not as it was last built.
  resolve: {
    alias: { "@holdfast/client": fileURLToPath(new URL("clients/typescript/src/index.ts", import.meta.url)) },
  },
  test: {
    include: ["src/**/*.test.ts", "clients/typescript/src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["dist/**", "**/node_modules/**"],
    // Tests own processes and sockets: in a process of its own a crash is that of one file, and its worker's successor
    // goes on. Files take turns in a worker, which loads the modules once: nothing is kept in their state.
    pool: "forks",
    isolate: false,
    // Much of the time is waiting, for commits, timers and processes, also on a machine of two cores.
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/support/leave-nothing.ts"],
    // Real databases on small shared machines.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ["default", "./test/support/count-reporter.ts"],
  },
});
