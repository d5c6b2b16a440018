import { expect, onTestFinished, test } from "vitest";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { type ProcessOptions, runInProcess } from "./run-in-process.js";
import { WorkLimitError } from "./work-limit-error.js";
import { workerTask } from "./worker-task.js";

const task = <A, R>(name: string) => workerTask<A, R>(import.meta.url, "./testing/process-tasks.js", name);
const run = <A, R>(name: string, argument: A, options: Partial<ProcessOptions> = {}) =>
  runInProcess(task<A, R>(name), argument, {
    memoryMiB: 64,
    env: {},
    timeLimitMs: 60_000,
    signal: new AbortController().signal,
    ...options,
  });

test("a task answers from another process, after everything it told was heard", async () => {
  const told: unknown[] = [];
  const options = { onTold: (value: unknown) => void told.push(value) };
  expect(await run<number, number>("countTo", 1000, options)).toBe(1000);
  expect(told).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
});

test("its errors come over as they were", async () => {
  await expect(run("refuse", "no")).rejects.toMatchObject({
    name: "HoldfastError",
    reason: ErrorReason.OVERLOADED,
    message: "no",
    metadata: { limit: "1" },
    retryAfterMs: 7,
  });
  await expect(run("fillDisk", undefined)).rejects.toMatchObject({ message: "no space", code: "ENOSPC" });
  await expect(run("vanish", undefined)).rejects.toThrow("ended with 3 and without an answer");
});

test("a process has the environment it is given, and nothing of this one", async () => {
  const before = process.env.NODE_OPTIONS;
  onTestFinished(() => {
    if (before === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = before;
  });
  process.env.NODE_OPTIONS = "--require /there/is/no/such/module.cjs";
  expect(await run("environmentNames", undefined, { env: { TZ: "UTC", PGPASSFILE: "/p" } })).toEqual([
    "PGPASSFILE",
    "TZ",
  ]);
});

test("whoever goes away ends the process, as does a listener that throws", async () => {
  const leave = new AbortController();
  let pid = 0;
  const onTold = (value: unknown) => {
    pid = value as number;
    leave.abort(new Error("gone"));
  };
  await expect(run("work", undefined, { signal: leave.signal, onTold })).rejects.toThrow("gone");
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  const full = () => {
    throw new Error("over the limit");
  };
  await expect(run("work", undefined, { onTold: full })).rejects.toThrow("over the limit");
});

test("a task that takes more time or memory than it may ends, and this process does not", async () => {
  await expect(run("work", undefined, { timeLimitMs: 1 })).rejects.toThrow(WorkLimitError);
  await expect(run("hoardArrays", undefined)).rejects.toThrow("more than 64 MiB of memory");
});
