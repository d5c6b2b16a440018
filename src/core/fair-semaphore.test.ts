import { setMaxListeners } from "node:events";
import { expect, test } from "vitest";
import { FairSemaphore } from "./fair-semaphore.js";

const NEVER = new AbortController().signal;
setMaxListeners(0, NEVER);

/** "a 1" is the first connection of tenant a. */
function ownerOf(name: string) {
  const [tenantId = "", connection = ""] = name.split(" ");
  return { tenantId, connection };
}

test("tenants take turns, and so do the connections of one, however many of one wait", async () => {
  const semaphore = new FairSemaphore(1);
  const served: string[] = [];
  const use = async (name: string) => {
    await semaphore.acquire(ownerOf(name), NEVER);
    served.push(name);
    semaphore.release();
  };
  await semaphore.acquire(ownerOf("a 1"), NEVER);
  const all = ["a 1", "a 1", "a 1", "a 2", "b 1", "b 1", "c 1"].map(use);
  semaphore.release();
  await Promise.all(all);
  expect(served).toEqual(["a 1", "b 1", "c 1", "a 2", "b 1", "a 1", "a 1"]);
});

test("as many as there are permits go on at once, and no more", async () => {
  const semaphore = new FairSemaphore(2);
  let running = 0;
  let most = 0;
  const use = async (i: number) => {
    await semaphore.acquire(ownerOf(`${i % 3} 1`), NEVER);
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
    semaphore.release();
  };
  await Promise.all(Array.from({ length: 20 }, (_, i) => use(i)));
  expect([most, running]).toEqual([2, 0]);
});

test("whoever goes away leaves the line at once, and the permit goes to the next one", async () => {
  const semaphore = new FairSemaphore(1);
  await semaphore.acquire(ownerOf("a 1"), NEVER);
  const leave = new AbortController();
  const left = ["a 1", "b 1", "b 2"].map((name) => semaphore.acquire(ownerOf(name), leave.signal));
  const stays = semaphore.acquire(ownerOf("b 1"), NEVER);
  expect(semaphore.waiting).toBe(4);
  leave.abort(new Error("gone"));
  for (const each of left) await expect(each).rejects.toThrow("gone");
  expect(semaphore.waiting).toBe(1);
  semaphore.release();
  await stays;
  await expect(semaphore.acquire(ownerOf("c 1"), leave.signal)).rejects.toThrow("gone");
  semaphore.release();
  await semaphore.acquire(ownerOf("c 1"), NEVER);
});

test("a permit that was given is kept when its owner's signal aborts later", async () => {
  const semaphore = new FairSemaphore(1);
  await semaphore.acquire(ownerOf("a 1"), NEVER);
  const leave = new AbortController();
  const given = semaphore.acquire(ownerOf("b 1"), leave.signal);
  const next = semaphore.acquire(ownerOf("c 1"), NEVER);
  semaphore.release();
  leave.abort(new Error("gone"));
  await given;
  expect(semaphore.waiting).toBe(1);
  semaphore.release();
  await next;
});
