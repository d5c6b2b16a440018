import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { layoutOf } from "../src/postgres/layout.js";
import { stopPostmaster } from "../src/postgres/postmaster.js";
import { findPostmaster } from "../src/postgres/postmaster-file.js";
import { runCommand } from "./support/run-command.js";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const OPTIONS = ["--grpc-port", "0", "--http-port", "0"];

/** `npm start` as a shell script or a terminal runs it: the leader of a group of its own. */
class NpmStart {
  readonly directory: string;
  output = "";
  readonly #npm: ChildProcess;
  /** Resolves with how npm ended, once everyone who could write to its output is gone: the server too. */
  readonly closed: Promise<number | NodeJS.Signals | null>;

  constructor(seed: string) {
    this.directory = mkdtempSync(join(tmpdir(), "holdfast-npm-"));
    execFileSync("cp", ["-a", join(seed, "data"), this.directory]);
    this.#npm = spawn("npm", ["start", "--silent", "--", "--data", this.directory, ...OPTIONS], {
      cwd: PROJECT,
      env: { PATH: process.env.PATH, HOME: this.directory },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [this.#npm.stdout, this.#npm.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        this.output += chunk;
      });
    }
    this.closed = once(this.#npm, "close").then(([code, signal]) => code ?? signal);
  }

  async until(reached: () => boolean): Promise<void> {
    let isClosed = false;
    void this.closed.then(() => {
      isClosed = true;
    });
    while (!reached()) {
      if (isClosed) throw new Error(`npm start ended too soon:\n${this.output}`);
      await delay(10);
    }
  }

  serves(): Promise<void> {
    return this.until(() => this.output.includes("Next, "));
  }

  signal(signal: NodeJS.Signals, to: "npm" | "group"): void {
    const pid = this.#npm.pid ?? 0;
    process.kill(to === "npm" ? pid : -pid, signal);
  }

  async clear(): Promise<void> {
    try {
      this.signal("SIGKILL", "group");
    } catch {
      // Nobody of the group is left.
    }
    await this.closed;
    const postgres = findPostmaster(layoutOf(this.directory));
    if (postgres) await stopPostmaster(postgres);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

// Most of a start is waiting, for Postgres above all: they wait together.
describe.concurrent("npm start", { timeout: 120_000 }, () => {
  let seed: string;
  beforeAll(async () => {
    seed = mkdtempSync(join(tmpdir(), "holdfast-npm-seed-"));
    expect(await runCommand(["migrate", "up", "--data", seed])).toMatchObject({ code: 0 });
  });
  afterAll(() => rmSync(seed, { recursive: true, force: true }));

  function start(): NpmStart {
    const made = new NpmStart(seed);
    onTestFinished(() => made.clear());
    return made;
  }

  test.each([
    ["SIGTERM", "npm", 0],
    ["SIGINT", "npm", 0],
    // npm does not pass this one on, and ends by it.
    ["SIGHUP", "npm", "SIGHUP"],
    ["SIGKILL", "npm", "SIGKILL"],
    ["SIGTERM", "group", 0],
    ["SIGINT", "group", 0],
    // What a terminal sends to all of its foreground when it is closed.
    ["SIGHUP", "group", "SIGHUP"],
  ] as const)("drains and leaves nothing after %s to %s", async (signal, to, ended) => {
    const npm = start();
    await npm.serves();
    npm.signal(signal, to);
    expect(await npm.closed).toBe(ended);
    expect(npm.output).toMatch(/Stopping: .*\nStopped\.\n$/);
    expect(findPostmaster(layoutOf(npm.directory))).toBeUndefined();
  });

  test("leaves nothing when npm is killed while the server is starting", async () => {
    const npm = start();
    await npm.until(() => existsSync(join(npm.directory, "owner.lock")));
    npm.signal("SIGKILL", "npm");
    await npm.closed;
    expect(findPostmaster(layoutOf(npm.directory))).toBeUndefined();
  });
});
