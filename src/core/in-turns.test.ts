import { expect, test } from "vitest";
import { mapInTurns } from "./in-turns.js";

test("items are mapped in order, and others have their turn between those that take long", async () => {
  const order: string[] = [];
  const long = (item: number) => {
    const start = performance.now();
    while (performance.now() - start < 5);
    order.push(`item ${item}`);
    return 2 * item;
  };
  setImmediate(() => order.push("another"));
  expect(await mapInTurns([1, 2, 3], long)).toEqual([2, 4, 6]);
  expect(order.slice(0, 3)).toEqual(["item 1", "another", "item 2"]);
});
