import fc from "fast-check";
import { expect, test } from "vitest";
import { Admission } from "./admission.js";

const EIGHT = { maxCallsInFlight: 8, steadyCallsInFlight: 8 };

test("one tenant has at most half, so that another finds room", () => {
  const admission = new Admission(EIGHT);
  const refusals = (tenant: string, times: number) =>
    Array.from({ length: times }, () => admission.enter(tenant)?.message);
  expect(refusals("greedy", 4)).toEqual(Array(4).fill(undefined));
  expect(refusals("greedy", 1)).toEqual(["this tenant has 4 calls at a time, at most 4 may be"]);
  expect(refusals("modest", 4)).toEqual(Array(4).fill(undefined));
  expect(refusals("third", 1)).toEqual(["this server serves 8 calls at a time, at most 8 may be"]);
  admission.leave("greedy");
  expect(refusals("third", 1)).toEqual([undefined]);
});

test("whoever comes and goes, no more are let in than may be, and room is there again when all have left", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ tenant: fc.constantFrom("a", "b", "c"), comes: fc.boolean() })),
      (moves) => {
        const admission = new Admission({ maxCallsInFlight: 6, steadyCallsInFlight: 6 });
        const inside: string[] = [];
        for (const { tenant, comes } of moves) {
          if (comes) {
            const own = inside.filter((each) => each === tenant).length;
            expect(admission.enter(tenant) === undefined).toBe(inside.length < 6 && own < 3);
            if (inside.length < 6 && own < 3) inside.push(tenant);
          } else if (inside.includes(tenant)) {
            inside.splice(inside.indexOf(tenant), 1);
            admission.leave(tenant);
          }
        }
        for (const tenant of inside) admission.leave(tenant);
        for (const tenant of ["a", "a", "a", "b", "b", "b"]) expect(admission.enter(tenant)).toBeUndefined();
      },
    ),
  );
});

test("a burst is served, a flood that goes on is not, and after a calm there may be a burst again", () => {
  let now = 0;
  const admission = new Admission({ maxCallsInFlight: 40, steadyCallsInFlight: 8 }, () => now);
  const admitted = (times: number) =>
    Array.from({ length: times }, () => admission.enter("a")).filter((refusal) => !refusal).length;
  const leave = (times: number) => Array.from({ length: times }, () => admission.leave("a"));
  expect(admitted(30)).toBe(20);
  // Some leave, and as many come as before: for a while that is still the burst.
  now = 100;
  leave(10);
  expect(admitted(30)).toBe(10);
  for (now = 300; now < 5000; now += 100) {
    expect(admitted(30)).toBe(0);
  }
  leave(18);
  for (; now < 6000; now += 100) {
    expect(admitted(30)).toBe(2);
    leave(2);
  }
  now += 1000;
  expect(admitted(30)).toBe(18);
});

test("a tenant that has little is let in while another's flood is worked off", () => {
  let now = 0;
  const admission = new Admission({ maxCallsInFlight: 80, steadyCallsInFlight: 8 }, () => now);
  for (let n = 0; n < 100; n += 1) admission.enter("greedy");
  expect(admission.enter("modest")).toBeUndefined();
  now = 1000;
  for (let n = 0; n < 100; n += 1) admission.enter("greedy");
  expect(admission.enter("greedy")).toBeDefined();
  expect(admission.enter("modest")).toBeUndefined();
});
