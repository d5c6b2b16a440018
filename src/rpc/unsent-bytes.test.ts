import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { UnsentBytes } from "./unsent-bytes.js";

const KIB = 1024;
const never = new AbortController().signal;

test("a tenant has room up to its limit, and up to what the server has left", () => {
  const bytes = new UnsentBytes({ maxUnsentBytes: 1000, maxTenantUnsentBytes: 400 });
  bytes.add("a", 100);
  expect(bytes.free("a")).toBe(300);
  bytes.add("a", 400);
  expect(bytes.free("a")).toBe(0);
  expect(bytes.free("b")).toBe(400);
  bytes.add("c", 400);
  bytes.add("b", 20);
  expect(bytes.total).toBe(920);
  expect(bytes.free("d")).toBe(80);
});

test("of a full server a tenant below its fair share still has room, and one with nothing unsent always has", () => {
  const bytes = new UnsentBytes({ maxUnsentBytes: 900, maxTenantUnsentBytes: 400 });
  for (const tenant of ["a", "b"]) bytes.add(tenant, 400);
  bytes.add("c", 100);
  expect(bytes.free("a")).toBe(0);
  expect(bytes.free("c")).toBe(200);
  expect(bytes.free("d")).toBeGreaterThan(0);
  expect(new UnsentBytes({ maxUnsentBytes: 0, maxTenantUnsentBytes: 0 }).free("a")).toBeGreaterThan(0);
});

test("those that wait go on in the order they came, as many as there is room for", async () => {
  const bytes = new UnsentBytes({ maxUnsentBytes: 400 * KIB, maxTenantUnsentBytes: 128 * KIB });
  bytes.add("a", 128 * KIB);
  const served: number[] = [];
  const all = [1, 2, 3].map(async (call) => {
    while (bytes.free("a") === 0) await bytes.freed("a", "connection", never);
    bytes.add("a", 64 * KIB);
    served.push(call);
  });
  expect(bytes.waiting).toBe(3);
  bytes.remove("a", 128 * KIB);
  await Promise.all(all.slice(0, 2));
  await nextTurn();
  expect(served).toEqual([1, 2]);
  expect(bytes.waiting).toBe(1);
  bytes.remove("a", 64 * KIB);
  await Promise.all(all);
  expect(bytes.waiting).toBe(0);
});

test("connections take turns, however many calls of one wait", async () => {
  const bytes = new UnsentBytes({ maxUnsentBytes: 1000, maxTenantUnsentBytes: 100 });
  bytes.add("a", 100);
  const served: string[] = [];
  const use = async (connection: string) => {
    while (bytes.free("a") === 0) await bytes.freed("a", connection, never);
    bytes.add("a", 100);
    served.push(connection);
    bytes.remove("a", 100);
  };
  const all = ["many", "many", "many", "one"].map(use);
  bytes.remove("a", 100);
  await Promise.all(all);
  expect(served).toEqual(["many", "one", "many", "many"]);
});

test("room that one leaves unused goes to the next that waits", async () => {
  const bytes = new UnsentBytes({ maxUnsentBytes: 1000, maxTenantUnsentBytes: 100 });
  bytes.add("a", 100);
  const waiting = Array.from({ length: 5 }, () => bytes.freed("a", "connection", never));
  bytes.remove("a", 100);
  // Nothing is added: no further bytes will ever be given back.
  await Promise.all(waiting);
});

test("one that waits goes on when nobody waits for its answer any more", async () => {
  const bytes = new UnsentBytes({ maxUnsentBytes: 1000, maxTenantUnsentBytes: 100 });
  bytes.add("a", 100);
  const abort = new AbortController();
  const waiting = bytes.freed("a", "connection", abort.signal);
  abort.abort();
  await waiting;
  expect(bytes.waiting).toBe(0);
  await bytes.freed("a", "connection", abort.signal);
});
