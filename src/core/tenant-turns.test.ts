import { expect, test } from "vitest";
import { TenantTurns } from "./tenant-turns.js";

const NEVER = new AbortController().signal;

/** Calls whose work lasts until it is told to end; `begun` names them in the order in which they began. */
function startCalls() {
  const calls = new TenantTurns({ running: 3, runningPerTenant: 2, waitingPerTenant: 8 }, "calls");
  const begun: string[] = [];
  const endings = new Map<string, () => void>();
  return {
    calls,
    begun,
    start(tenantId: string, name: string, signal = NEVER) {
      return calls.run(tenantId, signal, async () => {
        begun.push(name);
        await new Promise<void>((resolve) => endings.set(name, resolve));
        return name;
      });
    },
    async end(...names: string[]) {
      for (const name of names) endings.get(name)?.();
      // Whoever is next begins a few promises later.
      await new Promise(setImmediate);
    },
  };
}

test("calls of a tenant beyond its part wait in the order they came, and another tenant's do not wait for them", async () => {
  const { calls, begun, start, end } = startCalls();
  const all = [start("a", "a1"), start("a", "a2"), start("a", "a3"), start("a", "a4"), start("b", "b1")];
  await end();
  expect(begun).toEqual(["a1", "a2", "b1"]);
  expect(calls.waiting).toBe(2);
  await end("b1");
  expect(begun).toEqual(["a1", "a2", "b1"]);
  await end("a2");
  await end("a1");
  expect(begun).toEqual(["a1", "a2", "b1", "a3", "a4"]);
  await end("a3", "a4");
  expect(await Promise.all(all)).toEqual(["a1", "a2", "a3", "a4", "b1"]);
});

test("tenants take turns when all places are taken", async () => {
  const { begun, start, end } = startCalls();
  for (const name of ["a1", "a2", "a3", "a4"]) void start("a", name);
  for (const name of ["b1", "b2", "b3"]) void start("b", name);
  void start("c", "c1");
  await end();
  expect(begun).toEqual(["a1", "a2", "b1"]);
  await end("a1");
  await end("b1");
  await end("a2");
  expect(begun.slice(3).sort()).toEqual(["a3", "b2", "c1"]);
});

test("a call that nobody waits for any more gives up its place in the line", async () => {
  const { calls, begun, start, end } = startCalls();
  const abort = new AbortController();
  void start("a", "a1");
  void start("a", "a2");
  const cancelled = start("a", "a3", abort.signal);
  void start("a", "a4");
  await end();
  abort.abort(new Error("gone"));
  await expect(cancelled).rejects.toThrow("gone");
  expect(calls.waiting).toBe(1);
  await end("a1");
  expect(begun).toEqual(["a1", "a2", "a4"]);
});

test("a call that fails makes room like one that does not", async () => {
  const { calls, begun, start } = startCalls();
  const failing = [1, 2].map(() => calls.run("a", NEVER, () => Promise.reject(new Error("no"))));
  void start("a", "a1");
  await Promise.allSettled(failing);
  await new Promise(setImmediate);
  expect(begun).toEqual(["a1"]);
  expect(calls.waiting).toBe(0);
});
