import { expect, test } from "vitest";
import { FairSemaphore } from "./fair-semaphore.js";

/** "a 1" is the first connection of tenant a. */
function ownerOf(name: string) {
  const [tenantId = "", connection = ""] = name.split(" ");
  return { tenantId, connection };
}

test("tenants take turns, and so do the connections of one, however many of one wait", async () => {
  const semaphore = new FairSemaphore(1);
  const served: string[] = [];
  const use = async (name: string) => {
    await semaphore.acquire(ownerOf(name));
    served.push(name);
    semaphore.release();
  };
  await semaphore.acquire(ownerOf("a 1"));
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
    await semaphore.acquire(ownerOf(`${i % 3} 1`));
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
    semaphore.release();
  };
  await Promise.all(Array.from({ length: 20 }, (_, i) => use(i)));
  expect([most, running]).toEqual([2, 0]);
});
