import { expect, onTestFinished, test } from "vitest";
import type { HoldfastError } from "../core/errors.js";
import { type UnreadCall, UnreadCalls, type UnreadEnd } from "./unread-calls.js";

/** Calls of a server whose tenants may leave 100 bytes unread; nothing read for a second is stalled, for a minute too long. */
function unreadCalls() {
  let nowMs = 0;
  const ends: UnreadEnd[] = [];
  const settings = {
    maxUnsentBytes: 1000,
    maxTenantUnsentBytes: 100,
    stalledReaderMs: 1000,
    unreadTimeoutMs: 60_000,
  };
  const calls = new UnreadCalls(
    settings,
    (end) => ends.push(end),
    () => nowMs,
  );
  onTestFinished(() => calls.close());
  const lookAfter = (ms: number) => {
    nowMs += ms;
    calls.look();
  };
  return { calls, ends, lookAfter };
}

class ToyCall implements UnreadCall {
  readonly tenantId = "a";
  hasProgressed = true;
  unreadSinceMs = 0;
  isTold = false;
  isReset = false;
  error: HoldfastError | undefined;

  tell(error: HoldfastError): void {
    this.isTold = true;
    this.error = error;
  }

  reset(): void {
    this.isReset = true;
  }
}

test("a call that is not read is told so while its tenant has no room, then reset", () => {
  const { calls, ends, lookAfter } = unreadCalls();
  const call = new ToyCall();
  calls.add(call);
  lookAfter(0);
  lookAfter(5000);
  expect(call.isTold).toBe(false);
  calls.bytes.add("a", 100);
  lookAfter(1);
  expect(call.error).toMatchObject({ retryAfterMs: expect.any(Number) });
  expect(call.error?.message).toMatch(
    /^nothing of the answer was read for 1000 ms .* at most 100 bytes; call again, /,
  );
  expect([call.isReset, ends]).toEqual([false, ["no_room"]]);
  lookAfter(1);
  expect(call.isReset).toBe(true);
});

test("a call is ended in any case when it is not read for too long", () => {
  const { calls, ends, lookAfter } = unreadCalls();
  const call = new ToyCall();
  calls.add(call);
  lookAfter(0);
  lookAfter(59_999);
  expect(call.isTold).toBe(false);
  lookAfter(1);
  expect(call.error?.message).toMatch(/^nothing of the answer was read for 60000 ms; /);
  expect(ends).toEqual(["timeout"]);
});

test("a call that is read now and then goes on, also after it was told", () => {
  const { calls, lookAfter } = unreadCalls();
  calls.bytes.add("a", 100);
  const call = new ToyCall();
  calls.add(call);
  for (let i = 0; i < 5; i++) {
    call.hasProgressed = true;
    lookAfter(1000);
  }
  expect(call.isTold).toBe(false);
  lookAfter(1000);
  expect(call.isTold).toBe(true);
  call.hasProgressed = true;
  lookAfter(1000);
  expect(call.isReset).toBe(false);
  calls.delete(call);
  lookAfter(60_000);
  expect([call.isReset, calls.size]).toEqual([false, 0]);
});
