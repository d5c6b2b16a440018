import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cycleText, findCycle } from "./find-cycle.js";

function next(edges: Readonly<Record<string, readonly string[]>>) {
  return (id: string) => edges[id] ?? [];
}

describe("a cycle", () => {
  test("is found with the way around it", () => {
    const edges = { a: ["x", "b"], b: ["c"], c: ["a"], x: ["y"] };
    expect(findCycle("a", next(edges))).toEqual(["a", "b", "c", "a"]);
  });

  test("of one node is one", () => {
    expect(findCycle("a", next({ a: ["a"] }))).toEqual(["a", "a"]);
  });

  test("that does not lead through the start is none of it, and ends the search", () => {
    expect(findCycle("a", next({ a: ["b"], b: ["c"], c: ["b"] }))).toBeUndefined();
  });

  test("is found however deep the graph", () => {
    const last = 100_000;
    const chain = (id: string) => [id === `${last}` ? "0" : `${Number(id) + 1}`];
    expect(findCycle("0", chain)).toHaveLength(last + 2);
  });

  test("is a way along edges, and is found whenever the start can be reached from itself", () => {
    const node = fc.integer({ min: 0, max: 7 }).map(String);
    fc.assert(
      fc.property(fc.array(fc.tuple(node, node), { maxLength: 20 }), (pairs) => {
        const to = (id: string) => pairs.filter(([from]) => from === id).map(([, end]) => end);
        const reached = new Set(to("0"));
        for (const id of reached) for (const end of to(id)) reached.add(end);
        const cycle = findCycle("0", to);
        expect(cycle !== undefined).toBe(reached.has("0"));
        for (const [i, id] of (cycle ?? []).slice(1).entries()) expect(to(cycle?.[i] ?? "")).toContain(id);
      }),
    );
  });

  test("is told with its middle left out when it is long", () => {
    expect(cycleText(["a", "b", "a"])).toBe("a → b → a");
    expect(cycleText([..."abcdefghij", "a"])).toBe("a → b → c → d → e → f → … → a");
  });
});
