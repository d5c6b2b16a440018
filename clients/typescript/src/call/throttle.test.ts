import fc from "fast-check";
import { expect, test } from "vitest";
import { HoldfastError, type StatusName } from "../holdfast-error.js";
import { Throttle } from "./throttle.js";

/** Keeps back whatever may be kept back. */
const STRICT = () => 0.000_001;

const overloaded = () =>
  new HoldfastError("busy", { code: "RESOURCE_EXHAUSTED", reason: "OVERLOADED", retryAfterMs: 50 });

/** Whether a call was sent that the server answers so. */
async function isSent(throttle: Throttle, error?: HoldfastError): Promise<boolean> {
  let sent = false;
  const send = async () => {
    sent = true;
    if (error) throw error;
  };
  await throttle.run(send).catch(() => undefined);
  return sent;
}

test("calls that are accepted, fail otherwise or are never answered are not kept back", async () => {
  const codes: readonly StatusName[] = [
    "NOT_FOUND",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "CANCELLED",
    "INTERNAL",
  ];
  const answers = fc.constantFrom(undefined, ...codes.map((code) => new HoldfastError("no", { code })));
  await fc.assert(
    fc.asyncProperty(fc.array(answers), async (errors) => {
      const throttle = new Throttle(() => 0, STRICT);
      for (const error of errors) expect(await isSent(throttle, error)).toBe(true);
    }),
  );
});

test("half of the calls may be refused before any is kept back", async () => {
  const throttle = new Throttle(() => 0, STRICT);
  for (let n = 0; n < 100; n += 1) {
    expect(await isSent(throttle)).toBe(true);
    expect(await isSent(throttle, overloaded())).toBe(true);
  }
});

test("a server that refuses most is sent about twice what it accepts, however much there is", async () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const throttle = new Throttle(() => 0, random);
  let sent = 0;
  let accepted = 0;
  for (let n = 1; n <= 20_000; n += 1) {
    // The server takes one call of ten that there are.
    const hasRoom = accepted < n / 10;
    if (!(await isSent(throttle, hasRoom ? undefined : overloaded()))) continue;
    sent += 1;
    if (hasRoom) accepted += 1;
  }
  expect(accepted).toBeGreaterThan(1900);
  expect(sent / accepted).toBeGreaterThan(1.8);
  expect(sent / accepted).toBeLessThan(2.2);
});

test("what is kept back is OVERLOADED, may be tried again, and says that it was not sent", async () => {
  const throttle = new Throttle(() => 0, STRICT);
  await isSent(throttle, overloaded());
  const kept = throttle.run(() => Promise.reject(new Error("it was sent")));
  await expect(kept).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    reason: "OVERLOADED",
    retryable: true,
    message: expect.stringMatching(/^not sent:/),
  });
});

test("refusals are forgotten with time", async () => {
  let now = 0;
  const throttle = new Throttle(
    () => now,
    () => 0.1,
  );
  for (let n = 0; n < 10; n += 1) await isSent(throttle, overloaded());
  expect(await isSent(throttle)).toBe(false);
  now = 60_000;
  expect(await isSent(throttle)).toBe(true);
});
