import fc from "fast-check";
import { expect, test } from "vitest";
import { Admission } from "./admission.js";

const EIGHT = { maxCallsInFlight: 8, overloadedCallsInFlight: 8 };

test("one tenant has at most half, so that another finds room", () => {
  const admission = new Admission(EIGHT);
  const refusals = (tenant: string, times: number) =>
    Array.from({ length: times }, () => admission.enter(tenant)?.message);
  expect(refusals("greedy", 4)).toEqual(Array(4).fill(undefined));
  expect(refusals("greedy", 1)).toEqual([
    "this server serves at most 4 calls of this tenant at a time, more were made",
  ]);
  expect(refusals("modest", 4)).toEqual(Array(4).fill(undefined));
  expect(refusals("third", 1)).toEqual(["this server serves at most 8 calls at a time, more were made"]);
  admission.leave("greedy");
  expect(refusals("third", 1)).toEqual([undefined]);
});

test("whoever comes and goes, no more are let in than may be, and room is there again when all have left", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ tenant: fc.constantFrom("a", "b", "c"), comes: fc.boolean() })),
      (moves) => {
        const admission = new Admission({ maxCallsInFlight: 6, overloadedCallsInFlight: 6 });
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

/** A tenant's calls of which 20 are served at a time, and 4 during overload. */
function tenantOfTwenty() {
  const clock = { now: 0 };
  const admission = new Admission(
    { maxCallsInFlight: 40, overloadedCallsInFlight: 8 },
    "calls",
    () => clock.now,
  );
  return {
    clock,
    admission,
    /** How many of so many are let in. */
    admitted: (times: number) =>
      Array.from({ length: times }, () => admission.enter("a")).filter((refusal) => !refusal).length,
    leave: (times: number) => Array.from({ length: times }, () => admission.leave("a")),
  };
}

test("callers that wait for each answer are served, however long they go on, up to the most there may be", () => {
  const { clock, admitted, leave } = tenantOfTwenty();
  expect(admitted(20)).toBe(20);
  for (; clock.now < 5000; clock.now += 10) {
    leave(15);
    expect(admitted(15)).toBe(15);
  }
});

test("whoever asks for more than that has less until it has asked for no more for a while", () => {
  const { clock, admitted, leave } = tenantOfTwenty();
  expect(admitted(30)).toBe(20);
  leave(10);
  expect(admitted(30)).toBe(0);
  leave(8);
  for (; clock.now < 5000; clock.now += 100) {
    expect(admitted(30)).toBe(2);
    leave(2);
  }
  clock.now += 399;
  expect(admitted(30)).toBe(2);
  leave(2);
  clock.now += 500;
  expect(admitted(30)).toBe(18);
});

test("an overloaded server serves less, and of each tenant an equal part", () => {
  const { clock, admission, leave } = tenantOfTwenty();
  const enter = (tenant: string, times: number) =>
    Array.from({ length: times }, () => admission.enter(tenant)).filter((refusal) => !refusal).length;
  expect([enter("a", 20), enter("b", 20), enter("c", 1)]).toEqual([20, 20, 0]);
  clock.now = 400;
  leave(18);
  // Twenty-two are left, and eight may be: a newcomer has room for an equal part of eight, those with more have none.
  expect([enter("a", 10), enter("b", 10), enter("c", 10)]).toEqual([2, 0, 3]);
});

test("a tenant that has little is let in while another's flood is worked off", () => {
  let now = 0;
  const admission = new Admission({ maxCallsInFlight: 80, overloadedCallsInFlight: 8 }, "calls", () => now);
  for (let n = 0; n < 100; n += 1) admission.enter("greedy");
  expect(admission.enter("modest")).toBeUndefined();
  now = 1000;
  for (let n = 0; n < 100; n += 1) admission.enter("greedy");
  expect(admission.enter("greedy")).toBeDefined();
  expect(admission.enter("modest")).toBeUndefined();
});

test("calls that nothing is done for do not fill the server for a tenant that has less than its part", () => {
  const admission = new Admission(EIGHT);
  for (const tenant of ["a", "b"]) {
    for (const _ of "1234") {
      expect(admission.enter(tenant)).toBeUndefined();
      admission.pause();
    }
  }
  expect(admission.enter("a")?.message).toBe("this server serves at most 8 calls at a time, more were made");
  expect(admission.enter("modest")).toBeUndefined();
  for (const _ of "1234") admission.resume();
  expect(admission.enter("modest")).toBeUndefined();
  for (const _ of "1234") admission.resume();
  expect(admission.enter("modest")?.message).toBe(
    "this server serves at most 8 calls at a time, more were made",
  );
});

test("a call that left until its message came is let in again, but not past the most there may be", () => {
  const { admitted, admission, leave } = tenantOfTwenty();
  expect(admitted(21)).toBe(20);
  expect(admission.enterAgain("a")?.message).toMatch(/at most 20 calls of this tenant/);
  leave(10);
  // During overload nobody else is: four are served then.
  expect(admitted(1)).toBe(0);
  expect(admission.enterAgain("a")).toBeUndefined();
});
