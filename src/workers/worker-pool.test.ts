import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Registry } from "prom-client";
import { expect, onTestFinished, test, vi } from "vitest";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { WorkerPool, type WorkerPoolSettings } from "./worker-pool.js";
import { compiledModule, workerTask } from "./worker-task.js";

const toy = <A, R>(name: string) => workerTask<A, R>(import.meta.url, "./testing/toy-tasks.js", name);
const double = toy<number, number>("double");
const spin = toy<undefined, never>("spin");
const spinFor = toy<number, number>("spinFor");
const LONG = { timeLimitMs: 60_000 };

function newPool(settings: Partial<WorkerPoolSettings> = {}) {
  const registry = new Registry();
  const pool = new WorkerPool(
    {
      workerProcesses: 1,
      workerTasksPerTenant: 1,
      maxWaitingWorkerTasks: 2,
      workerMemoryMiB: 64,
      workerIdleMs: 60_000,
      ...settings,
    },
    registry,
  );
  onTestFinished(() => pool.close());
  return { pool, registry };
}

test("a task runs in another process and answers, and its error is the caller's", async () => {
  const { pool, registry } = newPool();
  expect(await pool.run("a", double, 21, LONG)).toBe(42);
  await expect(pool.run("a", toy<string, never>("fail"), "no", LONG)).rejects.toThrow("no");
  const metrics = await registry.metrics();
  expect(metrics).toContain('holdfast_worker_tasks_total{task="double",outcome="done"} 1');
  expect(metrics).toContain('holdfast_worker_tasks_total{task="fail",outcome="failed"} 1');
});

test("a task is ended when its time is up, and the next one is served", async () => {
  const { pool } = newPool();
  await expect(pool.run("a", spin, undefined, { timeLimitMs: 50 })).rejects.toThrow(
    "more than 50 ms of work",
  );
  expect(await pool.run("a", double, 1, LONG)).toBe(2);
});

test.each(["hoard", "hoardArray"])(
  "a task that holds more memory than it may is ended, and the next one is served: %s",
  async (name) => {
    const { pool } = newPool({ workerMemoryMiB: 32 });
    const hoard = pool.run("a", toy<undefined, never>(name), undefined, LONG);
    await expect(hoard).rejects.toThrow("more than 32 MiB of memory");
    expect(await pool.run("a", double, 1, LONG)).toBe(2);
  },
);

test("whoever goes away ends the task, waiting or running", async () => {
  const { pool, registry } = newPool();
  const leave = new AbortController();
  const running = pool.run("a", spin, undefined, { ...LONG, signal: leave.signal });
  const waiting = pool.run("a", double, 1, { ...LONG, signal: leave.signal });
  leave.abort(new Error("gone"));
  await expect(running).rejects.toThrow("gone");
  await expect(waiting).rejects.toThrow("gone");
  expect(await pool.run("a", double, 1, LONG)).toBe(2);
  expect(await registry.metrics()).toContain('holdfast_worker_tasks{state="running"} 0');
});

test("a task is given its parts in order, as many messages as they are, and a next one none of them", async () => {
  const { pool } = newPool();
  const parts = [[1, 2], [3], []];
  const join = toy<string, string>("join");
  expect(await pool.run("a", join, "+", { ...LONG, parts })).toBe("1+2+3");
  expect(await pool.run("a", join, "+", LONG)).toBe("");
});

test("whoever goes away while parts are sent ends the task", async () => {
  const { pool } = newPool();
  const leave = new AbortController();
  function* endless() {
    for (let sent = 0; ; sent += 1) {
      if (sent === 3) leave.abort(new Error("gone"));
      yield ["x".repeat(100_000)];
    }
  }
  const options = { ...LONG, signal: leave.signal, parts: endless() };
  await expect(pool.run("a", toy<string, string>("join"), "", options)).rejects.toThrow("gone");
  expect(await pool.run("a", double, 1, LONG)).toBe(2);
});

test("a process without work ends, and the next task starts another", async () => {
  const { pool } = newPool({ workerIdleMs: 1 });
  const whoAmI = toy<undefined, number>("processId");
  const first = await pool.run("a", whoAmI, undefined, LONG);
  await vi.waitFor(() => expect(isThere(first)).toBe(false), 60_000);
  expect(await pool.run("a", whoAmI, undefined, LONG)).not.toBe(first);
});

test("tenants take turns, and one that wants more than may wait is refused", async () => {
  const { pool } = newPool();
  const order: string[] = [];
  const run = (tenant: string) => pool.run(tenant, spinFor, 5, LONG).then(() => order.push(tenant));
  const first = [run("greedy"), run("greedy"), run("greedy")];
  await expect(pool.run("greedy", double, 1, LONG)).rejects.toMatchObject({
    reason: ErrorReason.OVERLOADED,
    retryAfterMs: 500,
  });
  await Promise.all([...first, run("modest")]);
  expect(order.slice(0, 3)).toEqual(expect.arrayContaining(["greedy", "modest"]));
  expect(order.at(-1)).toBe("greedy");
});

test("one tenant leaves a process to the others", async () => {
  const { pool } = newPool({ workerProcesses: 2 });
  const leave = new AbortController();
  const spinning = [1, 2].map(() => pool.run("greedy", spin, undefined, { ...LONG, signal: leave.signal }));
  expect(await pool.run("modest", double, 1, LONG)).toBe(2);
  leave.abort();
  await Promise.allSettled(spinning);
});

test("closing ends what runs and refuses what waits", async () => {
  const { pool } = newPool();
  const running = pool.run("a", spin, undefined, LONG);
  const waiting = pool.run("b", double, 1, LONG);
  const settled = Promise.allSettled([running, waiting]);
  await pool.close();
  expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
});

test("a process that is busy for ever ends when its server is killed", async () => {
  const server = fork(
    fileURLToPath(compiledModule(new URL("./testing/spinning-server.js", import.meta.url))),
    [],
    {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    },
  );
  const [busy] = (await once(server, "message")) as [number];
  expect(isThere(busy)).toBe(true);
  server.kill("SIGKILL");
  await vi.waitFor(() => expect(isThere(busy)).toBe(false), 60_000);
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
