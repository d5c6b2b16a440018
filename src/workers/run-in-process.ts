import { TaskProcess } from "./task-process.js";
import { WorkLimitError } from "./work-limit-error.js";
import type { WorkerTask } from "./worker-task.js";

export interface ProcessOptions {
  /** MiB of heap; a task that needs more ends. */
  readonly memoryMiB: number;
  /** The environment of the process; nothing of this one's is added. */
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds from the start of the process; then the task is ended. */
  readonly timeLimitMs: number;
  /** Ends the task and throws the signal's reason. */
  readonly signal: AbortSignal;
  /** Told of each value that the task tells; what it throws ends the task and is thrown. */
  readonly onTold?: (told: unknown) => void;
}

/**
 * Runs a task in a process of its own. For work on input of any content that may go
 * on for minutes: what it computes, the memory it takes and how it fails stay out of the server.
 *
 * The exported function is given the argument, and a function that tells values to `onTold`; all of them are copied.
 *
 * @returns the result of the task, when the process is gone
 * @throws WorkLimitError for time or memory; what the task throws: a HoldfastError as itself, else with its message and code
 */
export async function runInProcess<Argument, Result>(
  { module, name }: WorkerTask<Argument, Result>,
  argument: Argument,
  { memoryMiB, env, timeLimitMs, signal, onTold }: ProcessOptions,
): Promise<Result> {
  signal.throwIfAborted();
  const child = new TaskProcess(memoryMiB, env);
  let failure: { readonly reason: unknown } | undefined;
  const stop = (reason: unknown) => {
    failure ??= { reason };
    child.kill();
  };
  const onAbort = () => stop(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => stop(new WorkLimitError(timeLimitMs, "ms of work")), timeLimitMs);
  const listener = {
    onTold(told: unknown) {
      if (failure) return;
      try {
        onTold?.(told);
      } catch (error) {
        stop(error);
      }
    },
  };
  try {
    const result = await child.perform({ module, name, argument }, listener);
    if (failure) throw failure.reason;
    return result as Result;
  } catch (error) {
    throw failure ? failure.reason : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    child.kill();
    await child.ended;
  }
}
