import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { ServerAnswer, ServerMeasure } from "../server/server-message.js";

/** How to start a server: the program and what it is given. */
export interface ServerProgram {
  readonly path: string;
  readonly args: readonly string[];
}

export interface ServerOptions {
  readonly program: ServerProgram;
  readonly environment: Readonly<Record<string, string>>;
  readonly port: number;
  /** Where its log goes. */
  readonly log: string;
}

const RESTART_MS = 150;
/** Collecting garbage takes a moment; one that takes this long hangs. */
const MEASURE_MS = 30_000;

/** A server in a process of its own, started again whenever it ends, as whoever runs one does. */
export class ServerProcess {
  readonly #options: ServerOptions;
  #program: ServerProgram;
  #child: ChildProcess | undefined;
  #wanted = true;
  readonly #loop: Promise<void>;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#program = options.program;
    this.#loop = this.#keepRunning();
  }

  get port(): number {
    return this.#options.port;
  }

  send(message: object): void {
    if (this.#child?.connected) this.#child.send(message, () => {});
  }

  /** What it holds; rejects when it does not answer. */
  async measure(): Promise<ServerMeasure> {
    const child = this.#child;
    if (!child?.connected) throw new Error("expected a server that runs to measure");
    child.send({ do: "measure" });
    const [{ measured }] = (await once(child, "message", {
      signal: AbortSignal.timeout(MEASURE_MS),
    })) as [ServerAnswer];
    return measured;
  }

  /** Of its process; another one after it was started again. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Kills it; resolves once it is gone. */
  async killNow(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** Resolves when it takes connections, or after so long. */
  async ready(withinMs = 30_000): Promise<boolean> {
    const until = Date.now() + withinMs;
    while (Date.now() < until) {
      if (await accepts(this.port)) return true;
      await delay(50);
    }
    return false;
  }

  /** Ends it as an operator would, then starts it again, as another program if one is given. */
  async restart(program: ServerProgram = this.#options.program): Promise<void> {
    this.#program = program;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
    await ended;
    clearTimeout(late);
  }

  async close(): Promise<void> {
    this.#wanted = false;
    this.#child?.kill("SIGCONT");
    this.#child?.kill("SIGTERM");
    const late = setTimeout(() => this.#child?.kill("SIGKILL"), 10_000);
    await this.#loop;
    clearTimeout(late);
  }

  async #keepRunning(): Promise<void> {
    const log = openSync(this.#options.log, "a");
    while (this.#wanted) {
      const { path, args } = this.#program;
      const child = spawn(process.execPath, [path, ...args], {
        stdio: ["ignore", log, log, "ipc"],
        env: { ...process.env, ...this.#options.environment },
      });
      this.#child = child;
      const kill = () => child.kill("SIGKILL");
      process.once("exit", kill);
      await new Promise((resolve) => child.once("exit", resolve).once("error", resolve));
      process.off("exit", kill);
      if (this.#wanted) await delay(RESTART_MS);
    }
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
