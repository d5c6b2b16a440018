import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const SCRIPTS = new URL("../scripts/", import.meta.url);

/** The scripts are plain JavaScript, outside what the compiler sees. */
const script = (name: string) => import(new URL(name, SCRIPTS).href);

let directory: string;
beforeEach(() => {
  directory = `${mkdtempSync(join(tmpdir(), "holdfast-scripts-"))}/`;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("replaceFiles", () => {
  test("moves what is new, removes what is gone, and leaves dot files alone", async () => {
    const { replaceFiles } = await script("replace-files.js");
    for (const path of ["dist/.building/a", "dist/a", "dist/gone"])
      mkdirSync(directory + path, { recursive: true });
    writeFileSync(`${directory}dist/.building/a/kept.js`, "new");
    writeFileSync(`${directory}dist/a/kept.js`, "old");
    writeFileSync(`${directory}dist/gone/gone.js`, "old");
    writeFileSync(`${directory}dist/.stamp`, "stamp");
    replaceFiles(`${directory}dist/.building/`, `${directory}dist/`);
    expect(readFileSync(`${directory}dist/a/kept.js`, "utf8")).toBe("new");
    expect(existsSync(`${directory}dist/gone/gone.js`)).toBe(false);
    expect(existsSync(`${directory}dist/.stamp`)).toBe(true);
  });
});

describe("build", () => {
  test("the program can be run by its name, as npx does", () => {
    const { status, stdout } = spawnSync(fileURLToPath(new URL("../dist/bundle/bin.js", SCRIPTS)), [
      "--help",
    ]);
    expect(status).toBe(0);
    expect(String(stdout)).toContain("Usage: holdfast COMMAND");
  });

  test.each(["src/app.js", "bundle/serve.js"])(
    "the source map of dist/%s names files that are there",
    (path) => {
      const map = new URL(`../dist/${path}.map`, SCRIPTS);
      const { sources } = JSON.parse(readFileSync(map, "utf8")) as { sources: readonly string[] };
      expect(sources.length).toBeGreaterThan(0);
      expect(sources.filter((source) => !existsSync(new URL(source, map)))).toEqual([]);
    },
  );
});

describe("withLock", () => {
  test("lets one at a time work, also after one has failed", async () => {
    const { withLock } = await script("with-lock.js");
    let working = 0;
    const work = () =>
      withLock(`${directory}lock`, async () => {
        working += 1;
        expect(working).toBe(1);
        await delay(20);
        working -= 1;
      });
    await expect(withLock(`${directory}lock`, () => Promise.reject(new Error("broken")))).rejects.toThrow(
      "broken",
    );
    await Promise.all([work(), work(), work()]);
    expect(existsSync(`${directory}lock`)).toBe(false);
  });

  test("ignores the lock of a process that has ended", async () => {
    const { withLock } = await script("with-lock.js");
    writeFileSync(`${directory}lock`, String(spawnSync(process.execPath, ["--version"]).pid));
    expect(await withLock(`${directory}lock`, () => "done")).toBe("done");
  });
});

describe("receiveSignalsOnce", () => {
  test("drops the copy of a signal, not the next one", async () => {
    const program = `
      import { receiveSignalsOnce } from ${JSON.stringify(new URL("receive-signals-once.js", SCRIPTS).href)};
      receiveSignalsOnce();
      for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => console.log(name));
      console.log("ready");
      setTimeout(() => {}, 10_000).unref();
      process.stdin.resume();
    `;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program]);
    const output = text(child.stdout.on("data", () => {}));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    for (const [signal, waitMs] of [
      ["SIGINT", 20],
      ["SIGINT", 400],
      ["SIGINT", 20],
      ["SIGTERM", 20],
    ] as const) {
      child.kill(signal);
      await delay(waitMs);
    }
    child.stdin.end();
    expect((await output).split("\n")).toEqual(["ready", "SIGINT", "SIGINT", "SIGTERM", ""]);
  });
});

describe("stopWithParent and runChild", () => {
  const file = (name: string) => JSON.stringify(new URL(name, SCRIPTS).href);
  const forEver = "console.log(process.pid); setInterval(() => {}, 1000)";
  /** Runs a program that never ends, and stops with the process that started it. */
  const middle = `
    const { receiveSignalsOnce } = await import(${file("receive-signals-once.js")});
    const { stopWithParent } = await import(${file("stop-with-parent.js")});
    const { runChild } = await import(${file("run-child.js")});
    stopWithParent(process.ppid, receiveSignalsOnce());
    await runChild(process.execPath, ["--eval", ${JSON.stringify(forEver)}], ".");
  `;
  const outer = `
    require("node:child_process").spawn(
      process.execPath, ["--input-type=module", "--eval", ${JSON.stringify(middle)}], { stdio: "inherit" },
    ).on("exit", (code) => { process.exitCode = code; });
  `;

  /** Starts it, and resolves once the program that never ends runs. */
  async function start(...args: readonly string[]) {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    await once(child.stderr.setEncoding("utf8"), "data");
    // Everyone who could write there is gone then.
    return { child, closed: once(child, "close") };
  }

  test("end what was started when the process that started it is killed", async () => {
    const { child, closed } = await start("--eval", outer);
    child.kill("SIGKILL");
    expect(await closed).toEqual([null, "SIGKILL"]);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("end what was started at %s, and exit with %d", async (signal, code) => {
    const { child, closed } = await start("--input-type=module", "--eval", middle);
    child.kill(signal);
    expect(await closed).toEqual([code, null]);
  });
});

describe("checkNodeVersion", () => {
  test.each([
    ["20.18.3", 1],
    ["20.19.0", 0],
    ["24.1.0", 0],
  ])("under Node %s exits with %d", (version, status) => {
    const program = `
      import { checkNodeVersion } from ${JSON.stringify(new URL("check-node-version.js", SCRIPTS).href)};
      Object.defineProperty(process, "versions", { value: { node: "${version}" } });
      checkNodeVersion();
    `;
    const result = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      encoding: "utf8",
    });
    expect(result.status).toBe(status);
    expect(result.stderr.includes("needs Node 20.19 or later")).toBe(status === 1);
  });
});
