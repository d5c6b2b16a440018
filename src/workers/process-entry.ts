// The process that performs tasks, one after the other, for as long as the server is there.
import { Worker } from "node:worker_threads";
import { type PackedError, packError } from "./pack-error.js";

/** What the process is told to do. */
export interface ProcessRun {
  /** The URL of the module that exports the task. */
  readonly module: string;
  readonly name: string;
  readonly argument: unknown;
}

/** What the process is sent: the parts of a task one by one, then the task. */
export type ProcessOrder = { readonly part: unknown } | { readonly run: ProcessRun };

/** What the process says of each run: that it begins, anything of the task while it is under way, and last its result or why there is none. */
export type ProcessMessage =
  | { readonly begun: true }
  | { readonly told: unknown }
  | { readonly result: unknown }
  | { readonly error: PackedError };

type Task = (argument: unknown, tell: (told: unknown) => void, parts: readonly unknown[]) => unknown;

/** Milliseconds after which a process notices that its server is gone, though a task keeps it busy. */
const LOOK_EVERY_MS = 1000;

const say = (message: ProcessMessage) => void process.send?.(message, () => {});

async function perform({ module, name, argument }: ProcessRun, parts: readonly unknown[]): Promise<void> {
  try {
    const task = ((await import(module)) as Record<string, Task>)[name];
    if (!task) throw new TypeError(`${module} exports no ${name}`);
    say({ begun: true });
    say({ result: await task(argument, (told) => say({ told }), parts) });
  } catch (error) {
    say({ error: packError(error) });
  }
}

// A terminal and a service manager send these to the server's processes all at once. The server decides how long a
// task may go on; when it is gone, so is whoever waits for the result.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
process.on("disconnect", () => process.exit(1));
// A task that never gives up the thread would outlive a server that was killed.
const watch = `setInterval(() => process.ppid === ${process.ppid} || process.kill(process.pid, "SIGKILL"), ${LOOK_EVERY_MS})`;
new Worker(watch, { eval: true }).unref();
let parts: unknown[] = [];
process.on("message", (order: ProcessOrder) => {
  if ("part" in order) {
    parts.push(order.part);
    return;
  }
  const own = parts;
  parts = [];
  void perform(order.run, own);
});
