// Starts a process that never gives up its thread, and says which.
import { runInProcess } from "../run-in-process.js";
import { workerTask } from "../worker-task.js";

void runInProcess(workerTask(import.meta.url, "./toy-tasks.js", "tellAndSpin"), undefined, {
  memoryMiB: 64,
  env: {},
  timeLimitMs: 600_000,
  signal: new AbortController().signal,
  onTold: (pid) => void process.send?.(pid),
});
