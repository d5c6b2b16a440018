import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MIN_PACE_BYTES, PeerPace } from "./peer-pace.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function newPace() {
  const slow = vi.fn();
  const pace = new PeerPace(1000, slow);
  const wait = (ms: number, bytes: number) => {
    pace.wait();
    vi.advanceTimersByTime(ms);
    pace.moved(bytes);
  };
  return { pace, slow, wait };
}

test("a peer that moves enough in its time goes on for as long as it likes", () => {
  const { slow, wait } = newPace();
  for (let i = 0; i < 100; i += 1) wait(900, MIN_PACE_BYTES);
  expect(slow).not.toHaveBeenCalled();
});

test("a peer that moves a little each time is too slow when the time of all waits is up", () => {
  const { slow, wait } = newPace();
  for (let i = 0; i < 9; i += 1) wait(100, 1);
  expect(slow).not.toHaveBeenCalled();
  wait(100, 1);
  expect(slow).toHaveBeenCalledTimes(1);
  expect(slow.mock.calls[0]?.[0]).toMatchObject({ metadata: { limit: String(MIN_PACE_BYTES), actual: "9" } });
});

test("messages with hardly a byte in them are too slow, though nobody ever waits for one", () => {
  const { slow, wait } = newPace();
  for (let i = 0; i < 999; i += 1) wait(0, i % 2);
  expect(slow).not.toHaveBeenCalled();
  for (let i = 0; i < 10; i += 1) wait(0, 0);
  expect(slow).toHaveBeenCalledTimes(1);
  expect(slow.mock.calls[0]?.[0]).toMatchObject({ metadata: { actual: "499" } });
});

test("time in which nobody waits for the peer does not count", () => {
  const { pace, slow, wait } = newPace();
  wait(900, 1);
  vi.advanceTimersByTime(100_000);
  expect(slow).not.toHaveBeenCalled();
  pace.wait();
  pace.close();
  vi.advanceTimersByTime(100_000);
  expect(slow).not.toHaveBeenCalled();
});
