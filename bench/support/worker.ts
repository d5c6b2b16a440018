import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { killWithUs } from "./kill-with-us.js";

/** Another process that measures on request, one request at a time. */
export interface Worker<Request, Answer> {
  readonly pid: number;
  ask(request: Request): Promise<Answer>;
  close(): Promise<void>;
}

/** What a worker process sends: an answer, or why there is none. */
type Message<Answer> = { readonly answer: Answer } | { readonly failure: string };

/**
 * Starts a worker.
 *
 * @param module its file, as a URL; it calls `serveWorker`.
 */
export function startWorker<Request, Answer>(
  module: URL,
  args: readonly string[],
  profileDirectory: string | undefined,
): Worker<Request, Answer> {
  const child: ChildProcess = fork(fileURLToPath(module), args, {
    execArgv: profileArguments(profileDirectory),
    serialization: "advanced",
  });
  killWithUs(child);
  return {
    pid: child.pid ?? 0,
    ask(request) {
      const answered = ask<Answer>(child, module, request as object);
      // Whoever asks may fail for another reason before he looks at the answer.
      answered.catch(() => {});
      return answered;
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.disconnect();
      await once(child, "exit");
    },
  };
}

async function ask<Answer>(child: ChildProcess, module: URL, request: object): Promise<Answer> {
  const done = new AbortController();
  const { signal } = done;
  child.send(request);
  const ended = once(child, "exit", { signal }).then(() => {
    throw new Error(`${module.pathname} ended before it answered`);
  });
  // Of the two the one that does not come is waited for no more.
  const first = Promise.race([once(child, "message", { signal }), ended]).finally(() => done.abort());
  ended.catch(() => {});
  const [message] = (await first) as [Message<Answer>];
  if ("failure" in message) throw new Error(message.failure);
  return message.answer;
}

/** Answers the requests of whoever started this process, until they let go of it. */
export function serveWorker<Request, Answer>(
  answer: (request: Request) => Promise<Answer>,
  close: () => Promise<void>,
): void {
  process.on("message", (request: Request) => {
    answer(request).then(
      (answered) => send({ answer: answered }),
      (error) => send({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.once("disconnect", () => void close());
}

/** To nobody, once whoever asked has let go. */
function send(message: Message<unknown>): void {
  if (process.connected) process.send?.(message);
}

/** Node's own arguments for a process to write its CPU profile when it ends. */
export function profileArguments(directory: string | undefined): string[] {
  return directory === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${directory}`];
}
