import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { unpackError } from "./packed-error.js";
import type { ProcessMessage, ProcessRun } from "./process-entry.js";
import { WorkLimitError } from "./worker-pool.js";
import { compiledModule, type WorkerTask } from "./worker-task.js";

export interface ProcessOptions {
  /** MiB of heap; a task that needs more ends. */
  readonly memoryMiB: number;
  /** Milliseconds from the start of the process; then the task is ended. */
  readonly timeLimitMs: number;
  /** Ends the task and throws the signal's reason. */
  readonly signal: AbortSignal;
  /** Told of each value that the task tells; what it throws ends the task and is thrown. */
  readonly onTold?: (told: unknown) => void;
}

/**
 * Runs a task in a process of its own. For work on input of any content that may go
 * on for minutes: what it computes, the memory it takes and how it fails stay out of the server. A worker thread does
 * not keep memory apart: where V8 cannot end a thread in time, running out of memory ends the whole process.
 *
 * The exported function is given the argument, and a function that tells values to `onTold`; all of them are copied.
 *
 * @returns the result of the task, when the process is gone
 * @throws WorkLimitError for time or memory; what the task throws: a HoldfastError as itself, else with its message and code
 */
export async function runInProcess<Argument, Result>(
  { module, name }: WorkerTask<Argument, Result>,
  argument: Argument,
  { memoryMiB, timeLimitMs, signal, onTold }: ProcessOptions,
): Promise<Result> {
  signal.throwIfAborted();
  const child = fork(fileURLToPath(compiledModule(new URL("./process-entry.js", import.meta.url))), [], {
    execArgv: [`--max-old-space-size=${memoryMiB}`],
    serialization: "advanced",
    // What goes wrong is told over the channel; the log of the server has lines of JSON alone.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  let failure: { readonly reason: unknown } | undefined;
  const stop = (reason: unknown) => {
    failure ??= { reason };
    child.kill("SIGKILL");
  };
  let answer: Exclude<ProcessMessage, { told: unknown }> | undefined;
  child.on("message", (message: ProcessMessage) => {
    if (!("told" in message)) answer = message;
    else if (!failure) {
      try {
        onTold?.(message.told);
      } catch (error) {
        stop(error);
      }
    }
  });
  // A process that ends before it is told what to do cannot be written to: how it ended says more.
  child.on("error", (error) => {
    if (child.pid === undefined) stop(error);
  });
  const onAbort = () => stop(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const overTime = () => stop(new WorkLimitError(timeLimitMs, "ms of work"));
  const timer = setTimeout(overTime, timeLimitMs);
  try {
    const ended = endOf(child);
    const run: ProcessRun = { module, name, argument };
    child.send(run, () => {});
    const how = await ended;
    if (failure) throw failure.reason;
    if (answer && "result" in answer) return answer.result as Result;
    if (answer) throw unpackError(answer.error);
    // So V8 ends a process whose heap is full.
    if (how === "SIGABRT") throw new WorkLimitError(memoryMiB, "MiB of memory");
    throw new Error(`the process of ${name} ended with ${how} and without an answer`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

/** How the process ended, once everything it said was heard. */
async function endOf(child: ChildProcess): Promise<string> {
  if (child.pid === undefined) return "no start";
  const exited = new Promise<string>((resolve) => {
    child.once("exit", (code, signalCode) => resolve(signalCode ?? String(code)));
  });
  await new Promise<void>((resolve) => child.once("disconnect", resolve));
  return exited;
}
