// The process that `runInProcess` starts: performs one task, answers, and ends.
import { type PackedError, packError } from "./packed-error.js";

/** What the process is told to do. */
export interface ProcessRun {
  /** The URL of the module that exports the task. */
  readonly module: string;
  readonly name: string;
  readonly argument: unknown;
}

/** What the process says: anything of the task while it is under way, and last its result or why there is none. */
export type ProcessMessage =
  | { readonly told: unknown }
  | { readonly result: unknown }
  | { readonly error: PackedError };

type Task = (argument: unknown, tell: (told: unknown) => void) => unknown;

const say = (message: ProcessMessage, onSent: () => void = () => {}) => void process.send?.(message, onSent);

async function perform({ module, name, argument }: ProcessRun): Promise<ProcessMessage> {
  try {
    const task = ((await import(module)) as Record<string, Task>)[name];
    if (!task) throw new TypeError(`${module} exports no ${name}`);
    return { result: await task(argument, (told) => say({ told })) };
  } catch (error) {
    return { error: packError(error) };
  }
}

// A terminal and a service manager send these to the server's processes all at once. The server decides how long a
// task may go on; when it is gone, so is whoever waits for the result.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
process.on("disconnect", () => process.exit(1));
process.once("message", (run: ProcessRun) => {
  void perform(run).then((answer) => say(answer, () => process.exit(0)));
});
