import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const PROGRAM = `${PROJECT}dist/test/runner/main.js`;

/** Files of tests by what they do; FLAG is a path that is there from the second run on. */
const TOYS = {
  passing: 'test("passes", () => {});',
  flaky: `import { existsSync, writeFileSync } from "node:fs";
    test("passes too", () => {});
    test("fails once", () => {
      const isAgain = existsSync(FLAG);
      writeFileSync(FLAG, "");
      expect(isAgain).toBe(true);
    });`,
  failing: 'test("fails", () => expect(1).toBe(2));',
  property: `import fc from "fast-check";
    test("holds of no number", () => fc.assert(fc.property(fc.nat(), () => false)));`,
  leaky: `import { LeakError } from ${JSON.stringify(`${PROJECT}test/support/leak-error.ts`)};
    import { afterAll } from "vitest";
    afterAll(() => { throw new LeakError("a timer"); });
    test("passes", () => {});`,
  verifying: `import { helper } from "./verifying-helper.js";
    test("fails", () => expect(helper).toBe(2));`,
  endless: `import { writeFileSync } from "node:fs";
    import { afterAll } from "vitest";
    afterAll(() => writeFileSync(FLAG, ""));
    test("runs until it is stopped", ({ signal }) => new Promise((resolve) => {
      signal.addEventListener("abort", resolve);
      console.log("it runs");
    }));
    test("would run next", () => {});`,
  unhandled: 'test("passes", () => void Promise.reject(new Error("nobody waits for this")));',
} as const;

/** A global set-up as that of this project: what it makes, a folder, is there until it is torn down. */
const SET_UP = `import { mkdirSync, rmdirSync } from "node:fs";
  import { cancelOnSignals } from ${JSON.stringify(`${PROJECT}test/runner/cancel-on-signals.ts`)};
  export default ({ vitest }) => {
    const tornDown = cancelOnSignals(vitest);
    mkdirSync("made");
    return () => { rmdirSync("made"); tornDown(); };
  };`;

/** As this project is configured, with that set-up. */
const STOPPED_CONFIG = `export default { test: {
  pool: "forks",
  isolate: false,
  globalSetup: ["set-up.ts"],
  setupFiles: [${JSON.stringify(`${PROJECT}test/support/leave-nothing.ts`)}],
} };`;

/** What a file imports from other test code counts as well. */
const HELPER = 'export const helper = () => import("./support/verify-log.js");';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-runner-"));
  symlinkSync(`${PROJECT}node_modules`, join(directory, "node_modules"));
  // Of its own: what is above the folder says nothing.
  writeFileSync(
    join(directory, "vitest.config.mjs"),
    'export default { test: { pool: "threads", maxWorkers: 2 } };',
  );
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const running = new Set<ReturnType<typeof spawn>>();
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

/** Writes the toys, as many of each as are named, and starts the program over them, as the leader of a process group. */
function start(env: { CI?: string }, toys: readonly (keyof typeof TOYS)[]) {
  writeFileSync(join(directory, "verifying-helper.ts"), HELPER);
  for (const [i, toy] of toys.entries()) {
    const name = toys.indexOf(toy) === i ? toy : `${toy}-${i}`;
    const flag = JSON.stringify(join(directory, `${name}.flag`));
    const source = `import { expect, test } from "vitest";\n${TOYS[toy].replaceAll("FLAG", flag)}`;
    writeFileSync(join(directory, `${name}.test.ts`), source);
  }
  const child = spawn(process.execPath, [PROGRAM, "--root", directory, "--config", "vitest.config.mjs"], {
    cwd: directory,
    env: { PATH: process.env.PATH, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  running.add(child);
  return child;
}

/** Runs the program over such toys to its end. */
async function run(env: { CI?: string }, ...toys: readonly (keyof typeof TOYS)[]) {
  const child = start(env, toys);
  const ended = once(child, "close");
  const [stdout] = await Promise.all([text(child.stdout), text(child.stderr)]);
  running.delete(child);
  const lines = stdout.trimEnd().split("\n");
  return { code: (await ended)[0], last: lines.at(-1), lines };
}

const told = (lines: readonly string[]) =>
  lines.filter((line) => /^(flaky|not run again): /.test(line)).sort();

describe("npm test", () => {
  test("in CI runs a failed file once more and passes, naming it, when that passes", async () => {
    const { code, last, lines } = await run({ CI: "true" }, "passing", "flaky");
    expect(told(lines)).toEqual(["flaky: flaky.test.ts"]);
    expect([code, last]).toEqual([0, "3 passed, 0 failed"]);
  });

  test("in CI fails for what fails twice, and never runs again properties, leaks and what verified", async () => {
    const { code, last, lines } = await run(
      { CI: "true" },
      "flaky",
      "failing",
      "property",
      "leaky",
      "verifying",
    );
    expect(told(lines)).toEqual([
      "flaky: flaky.test.ts",
      "not run again: leaky.test.ts: it leaves something behind",
      "not run again: property.test.ts: it tests properties",
      "not run again: verifying.test.ts: it verifies logs",
    ]);
    expect(lines).toContain("Run once more, each alone: failing.test.ts, flaky.test.ts");
    expect([code, last]).toEqual([1, "3 passed, 4 failed"]);
  });

  test("in CI fails for three flaky files", async () => {
    const { code, last, lines } = await run({ CI: "true" }, "flaky", "flaky", "flaky");
    expect(told(lines)).toEqual(["flaky: flaky-1.test.ts", "flaky: flaky-2.test.ts", "flaky: flaky.test.ts"]);
    expect([code, last]).toEqual([1, "3 passed, 3 failed"]);
  });

  test("in CI runs nothing again after an unhandled rejection", async () => {
    const { code, last, lines } = await run({ CI: "true" }, "flaky", "unhandled");
    expect(lines).toContain("No file is run again: an error that nobody handled fails the run.");
    expect(told(lines)).toEqual([]);
    expect([code, last]).toEqual([1, "2 passed, 2 failed"]);
  });

  test("elsewhere runs nothing again", async () => {
    const { code, last, lines } = await run({}, "passing", "flaky");
    expect(told(lines)).toEqual([]);
    expect([code, last]).toEqual([1, "2 passed, 1 failed"]);
  });

  test("fails when there is nothing to run", async () => {
    const { code, last } = await run({ CI: "true" });
    expect([code, last]).toEqual([1, "0 passed, 1 failed"]);
  });

  test.each([
    ["SIGTERM", "it alone", 143],
    ["SIGHUP", "its group", 129],
  ] as const)(
    "after %s to %s ends the test that runs, with its hooks, and tears global set-up down",
    async (signal, to, code) => {
      writeFileSync(join(directory, "set-up.ts"), SET_UP);
      writeFileSync(join(directory, "vitest.config.mjs"), STOPPED_CONFIG);
      const child = start({ CI: "true" }, ["endless"]);
      let output = "";
      const runs = new Promise<void>((resolve) => {
        child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
          output += chunk;
          if (output.includes("it runs")) resolve();
        });
      });
      const ended = once(child, "close");
      await Promise.race([runs, ended]);
      expect(existsSync(join(directory, "made")), output).toBe(true);
      const pid = child.pid as number;
      process.kill(to === "it alone" ? pid : -pid, signal);
      expect((await ended)[0], output).toBe(code);
      running.delete(child);
      expect(existsSync(join(directory, "made"))).toBe(false);
      expect(existsSync(join(directory, "endless.flag"))).toBe(true);
      expect(output).not.toContain("Run once more");
    },
  );
});
