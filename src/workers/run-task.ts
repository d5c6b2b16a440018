import type { MessagePort } from "node:worker_threads";

/** Runs in a worker thread: calls the export of a module, having said that it begins. */
export async function runTask({
  module,
  name,
  argument,
  begun,
}: {
  readonly module: string;
  readonly name: string;
  readonly argument: unknown;
  readonly begun: MessagePort;
}): Promise<unknown> {
  const exported = (await import(module)) as Record<string, (argument: unknown) => unknown>;
  const task = exported[name];
  if (!task) throw new TypeError(`${module} exports no ${name}`);
  begun.postMessage(undefined);
  begun.close();
  return await task(argument);
}
