import { expect, test } from "vitest";
import { FairSemaphore } from "./fair-semaphore.js";

test("owners take turns, however many of one wait", async () => {
  const semaphore = new FairSemaphore(1);
  const served: string[] = [];
  const use = async (owner: string, name: string) => {
    await semaphore.acquire(owner);
    served.push(name);
    semaphore.release();
  };
  await semaphore.acquire("a");
  const all = [
    use("a", "a1"),
    use("a", "a2"),
    use("a", "a3"),
    use("b", "b1"),
    use("b", "b2"),
    use("c", "c1"),
  ];
  semaphore.release();
  await Promise.all(all);
  expect(served).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
});

test("as many as there are permits go on at once, and no more", async () => {
  const semaphore = new FairSemaphore(2);
  let running = 0;
  let most = 0;
  const use = async (i: number) => {
    await semaphore.acquire(String(i % 3));
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
    semaphore.release();
  };
  await Promise.all(Array.from({ length: 20 }, (_, i) => use(i)));
  expect([most, running]).toEqual([2, 0]);
});
