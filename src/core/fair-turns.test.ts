import fc from "fast-check";
import { expect, test } from "vitest";
import { FairTurns } from "./fair-turns.js";

/** Turns on a clock that only work moves, and what was begun on them, in order. */
function workshop() {
  let now = 0;
  const turns = new FairTurns(() => now);
  const begun: string[] = [];
  const work = async (owner: string, name: string, ms: number) => {
    const turn = turns.next(owner);
    if (turn) await turn;
    now += ms;
    begun.push(name);
  };
  return { turns, begun, work };
}

test("work begins at once while there is little of it", () => {
  const { turns } = workshop();
  expect(turns.next("a")).toBeUndefined();
  expect(turns.next("b")).toBeUndefined();
});

test("who has much to do does not keep another from its turn", async () => {
  const { begun, work } = workshop();
  const much = Array.from({ length: 20 }, (_, n) => work("greedy", `greedy ${n}`, 3));
  // Some of it has begun; what is left waits, and so does this.
  await much[0];
  const little = work("modest", "modest", 1);
  await Promise.all([...much, little]);
  expect(begun).toHaveLength(21);
  expect(begun.indexOf("modest")).toBeLessThan(5);
});

test("the event loop goes round between slices of work", async () => {
  const { begun, work } = workshop();
  const all = Promise.all(Array.from({ length: 50 }, (_, n) => work("a", `${n}`, 4)));
  const rounds: number[] = [];
  while (begun.length < 50) {
    await new Promise(setImmediate);
    rounds.push(begun.length);
  }
  await all;
  expect(rounds.length).toBeGreaterThan(20);
});

test("everything is begun, each owner's in the order asked for", async () => {
  const jobs = fc.array(fc.record({ owner: fc.constantFrom("a", "b", "c"), ms: fc.nat(6) }), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(jobs, async (given) => {
      const { begun, work } = workshop();
      await Promise.all(given.map(({ owner, ms }, n) => work(owner, `${owner} ${n}`, ms)));
      for (const owner of ["a", "b", "c"]) {
        const own = given.flatMap((job, n) => (job.owner === owner ? [`${owner} ${n}`] : []));
        expect(begun.filter((name) => name.startsWith(owner))).toEqual(own);
      }
    }),
    { numRuns: 50 },
  );
});
