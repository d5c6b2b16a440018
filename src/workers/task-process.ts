import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ProcessMessage, ProcessRun } from "./process-entry.js";
import { unpackError } from "./unpack-error.js";
import { WorkLimitError } from "./work-limit-error.js";
import { compiledModule } from "./worker-task.js";

/** Who hears of a run besides its result. */
export interface RunListener {
  /** The task begins, the process and its module being there. */
  onBegun?(): void;
  /** Told of each value that the task tells. */
  onTold?(told: unknown): void;
}

interface Run {
  readonly listener: RunListener;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** By these V8 ends a process whose heap is full. */
const OUT_OF_MEMORY = new Set(["SIGABRT", "SIGTRAP", "SIGILL", "134"]);

/**
 * A process that performs tasks, one after the other. A worker thread would not keep memory apart: where V8 cannot end
 * a thread in time, running out of memory ends the whole process.
 */
export class TaskProcess {
  readonly #child: ChildProcess;
  readonly #memoryMiB: number;
  #run: Run | undefined;
  #isGone = false;
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;

  /**
   * @param memoryMiB of heap
   * @param env its environment; nothing of this process's is added
   */
  constructor(memoryMiB: number, env: Readonly<Record<string, string>>) {
    this.#memoryMiB = memoryMiB;
    this.#child = fork(fileURLToPath(compiledModule(new URL("./process-entry.js", import.meta.url))), [], {
      execArgv: [`--max-old-space-size=${memoryMiB}`],
      serialization: "advanced",
      // What goes wrong is told over the channel; the log of the server has lines of JSON alone.
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      env,
    });
    this.#child.on("message", (message: ProcessMessage) => this.#heard(message));
    this.ended = new Promise((resolve) => {
      // It is gone, and everything it said was heard: the last answer may be read after its exit.
      let open = 2;
      let how = "no start";
      const oneOf = () => {
        open -= 1;
        if (open > 0) return;
        this.#gone(how);
        resolve();
      };
      this.#child.once("exit", (code, signal) => {
        how = signal ?? String(code);
        oneOf();
      });
      this.#child.once("disconnect", oneOf);
      this.#child.on("error", (error) => {
        // One that ends before it is told what to do cannot be written to: how it ended says more.
        if (this.#child.pid !== undefined) return;
        this.#isGone = true;
        this.#settle()?.reject(error);
        resolve();
      });
    });
  }

  /**
   * Performs a task. One at a time.
   *
   * @param parts what the task is given besides its argument, sent one after the other with other work in between: a
   * message holds the event loop while it is copied
   * @throws WorkLimitError for memory; what the task throws: a HoldfastError as itself, else with its message and code;
   * when the process ends otherwise, how it did
   */
  perform(run: ProcessRun, listener: RunListener = {}, parts: Iterable<unknown> = []): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#run = { listener, resolve, reject };
      void this.#send(run, parts);
    });
  }

  async #send(run: ProcessRun, parts: Iterable<unknown>): Promise<void> {
    for (const part of parts) {
      const sent = new Promise<void>((resolve) => {
        this.#child.send({ part }, () => setImmediate(resolve));
      });
      await Promise.race([sent, this.ended]);
      if (this.#isGone) return;
    }
    this.#child.send({ run }, () => {});
  }

  /** Whether it can perform no more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Ends it, whatever it does. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #heard(message: ProcessMessage): void {
    if ("begun" in message) this.#run?.listener.onBegun?.();
    else if ("told" in message) this.#run?.listener.onTold?.(message.told);
    else if ("result" in message) this.#settle()?.resolve(message.result);
    else this.#settle()?.reject(unpackError(message.error));
  }

  #gone(how: string): void {
    this.#isGone = true;
    const isFull = OUT_OF_MEMORY.has(how);
    this.#settle()?.reject(
      isFull
        ? new WorkLimitError(this.#memoryMiB, "MiB of memory")
        : new Error(`the process of a task ended with ${how} and without an answer`),
    );
  }

  #settle(): Run | undefined {
    const run = this.#run;
    this.#run = undefined;
    return run;
  }
}
