import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { SYSTEM_TENANT_ID } from "../core/principal.js";
import { DeniedCalls, type DeniedCallsContext } from "./denied-calls.js";

const SECOND = 1000;
const HOUR = 60 * 60 * SECOND;
const settings = { deniedCallsDelayMs: SECOND, deniedCallsMaxDelayMs: 10 * 60 * SECOND };
const logger = pino({ level: "silent" });

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** Lets time pass, a second at a time, without a round of the event loop, which in a busy process may take long. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += SECOND) {
    vi.advanceTimersByTime(SECOND);
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }
}

function denial(operation = "/a/B") {
  return {
    principal: { tenantId: SYSTEM_TENANT_ID, actor: "unauthenticated", roles: [] },
    operation,
    error: new HoldfastError(ErrorReason.UNAUTHENTICATED, "no"),
    peer: "127.0.0.1:1",
  };
}

function collect(fail: () => boolean = () => false) {
  const counts: number[] = [];
  const append: DeniedCallsContext["append"] = async (_tenantId, { metadata }) => {
    if (fail()) throw new Error("the database is away");
    counts.push(JSON.parse(Buffer.from(metadata?.data ?? []).toString()).count);
  };
  const deniedCalls = new DeniedCalls({ append, logger, settings });
  return { deniedCalls, counts, sum: () => counts.reduce((sum, count) => sum + count, 0) };
}

test.each([10 * SECOND, 45 * SECOND, 9 * 60 * SECOND])(
  "a day of denied calls, one every %d ms, makes few audits, and each call is counted",
  async (everyMs) => {
    const { deniedCalls, counts, sum } = collect();
    const calls = (24 * HOUR) / everyMs;
    for (let call = 0; call < calls; call += 1) {
      deniedCalls.add(denial());
      await pass(everyMs);
    }
    await deniedCalls.close();
    expect(sum()).toBe(calls);
    expect(counts.length).toBeLessThan(170);
  },
);

test("no denied call waits longer to be stored than the settings say", async () => {
  const { deniedCalls, sum } = collect();
  for (let second = 1; second <= 3 * 60 * 60; second += 1) {
    deniedCalls.add(denial());
    await pass(SECOND);
    const waiting = second - sum();
    expect(waiting).toBeLessThanOrEqual(10 * 60 + 1);
    // The first ones are stored at once, and so is an attack that has only begun.
    if (second === 2) expect(waiting).toBeLessThan(2);
  }
});

test("more kinds than are told apart take no more memory", async () => {
  const { deniedCalls, counts } = collect();
  for (let i = 0; i < 5000; i += 1) deniedCalls.add(denial(`/a/${i}`));
  await deniedCalls.close();
  expect(counts.length).toBe(1000);
});

test("what could not be stored is counted with what follows", async () => {
  let isAway = true;
  const { deniedCalls, counts } = collect(() => isAway);
  deniedCalls.add(denial());
  await pass(SECOND);
  isAway = false;
  deniedCalls.add(denial());
  await pass(2 * SECOND);
  expect(counts).toEqual([2]);
  await pass(HOUR);
  expect(vi.getTimerCount()).toBe(0);
});
