import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const PROJECT = new URL("../../", import.meta.url);
// Compiled, as benches are, this lies beside the program itself.
const COMPILED = fileURLToPath(new URL("bundle/bin.js", PROJECT));
const PROGRAM = existsSync(COMPILED) ? COMPILED : fileURLToPath(new URL("dist/bundle/bin.js", PROJECT));
/** What a server logs when no code handled a failure: a defect, whatever it was started for. */
const UNHANDLED = /"msg":"(unhandled rejection|uncaught exception)"/;
/** On a machine that is busy with other things a start takes a minute. */
const APPEARS_WITHIN_MS = 180_000;

/** Brings dist/ up to date, so that what is tested is what the sources say. */
export async function buildCli(): Promise<void> {
  const { build } = await import(new URL("scripts/build.js", PROJECT).href);
  await build();
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} was not built`);
}

/** `holdfast …` in a process of its own. */
export class CliProcess {
  readonly child: ChildProcess;
  /** What it has written until now. */
  stdout = "";
  stderr = "";
  /** Resolves with the exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string | null>;

  /**
   * A failure that the program did not handle fails the whole run of tests, at its end.
   *
   * @param mayFail for a test that is about such failures
   */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, { mayFail = false } = {}) {
    // Nothing of the environment of the tests: a DATABASE_URL there would change what is tested.
    this.child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      this.stdout += chunk;
    });
    this.child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      this.stderr += chunk;
    });
    this.child.once("close", () => {
      // Thrown here nobody catches it but the runner, also when nobody looks at how the process ended.
      if (!mayFail && UNHANDLED.test(this.stderr)) throw new Error(`holdfast ${args[0]}:\n${this.stderr}`);
    });
    this.exited = once(this.child, "close").then(([code, signal]) => code ?? signal);
  }

  /** Resolves with the match once standard output (or error) has it. */
  async says(pattern: RegExp, where: "stdout" | "stderr" = "stdout"): Promise<RegExpExecArray> {
    const deadline = performance.now() + APPEARS_WITHIN_MS;
    while (performance.now() < deadline) {
      const match = pattern.exec(this[where]);
      if (match) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null) break;
      await delay(20);
    }
    const match = pattern.exec(this[where]);
    if (match) return match;
    throw new Error(`expected ${pattern} in ${where}, got:\n${this.stdout}\n${this.stderr}`);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Runs it to its end. */
export async function runCli(
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<{ code: number | string | null; stdout: string; stderr: string }> {
  const cli = new CliProcess(args, env);
  const code = await cli.exited;
  return { code, stdout: cli.stdout, stderr: cli.stderr };
}
