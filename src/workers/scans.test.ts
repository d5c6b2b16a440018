import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { type ScanSettings, Scans } from "./scans.js";

const KIND = { name: "search", advice: "ask for less" };

function newScans(settings: Partial<ScanSettings> = {}) {
  const registry = new Registry();
  return {
    registry,
    scans: new Scans({ maxScans: 2, maxWaitingWorkerTasks: 1, scanTimeoutMs: 60_000, ...settings }, registry),
  };
}

/** A scan that ends when it is told to, or its signal aborts. */
function heldScan() {
  let end = () => {};
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const scan = (signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      end = () => resolve("done");
      signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
      begun();
    });
  return { scan, hasBegun, end: () => end() };
}

test("scans of one tenant go one after the other, those of another meanwhile, and too many are refused", async () => {
  const { scans, registry } = newScans();
  const [first, second] = [heldScan(), heldScan()];
  const running = scans.run("greedy", KIND, undefined, first.scan);
  await first.hasBegun;
  const waiting = scans.run("greedy", KIND, undefined, second.scan);
  await expect(scans.run("greedy", KIND, undefined, async () => "no")).rejects.toMatchObject({
    reason: ErrorReason.OVERLOADED,
    retryAfterMs: 500,
  });
  expect(await scans.run("modest", KIND, undefined, async () => "served")).toBe("served");
  expect(await registry.metrics()).toContain('holdfast_scans{state="waiting"} 1');
  first.end();
  expect(await running).toBe("done");
  await second.hasBegun;
  second.end();
  expect(await waiting).toBe("done");
  expect(await registry.metrics()).toContain('holdfast_scans{state="running"} 0');
  expect(await registry.metrics()).toContain('holdfast_scans_total{scan="search",outcome="refused"} 1');
});

test("a scan that takes too long is ended as LIMIT_EXCEEDED, and the next one has its turn", async () => {
  const { scans } = newScans({ scanTimeoutMs: 20 });
  await expect(scans.run("a", KIND, undefined, heldScan().scan)).rejects.toMatchObject({
    reason: ErrorReason.LIMIT_EXCEEDED,
    message: "search: expected less to do, got more than 20 ms in all: ask for less",
    metadata: { limit: "20" },
  });
  const next = heldScan();
  await expect(scans.run("a", KIND, undefined, next.scan)).rejects.toMatchObject({
    reason: ErrorReason.LIMIT_EXCEEDED,
  });
});

test("whoever goes away ends the scan, waiting or running", async () => {
  const { scans } = newScans();
  const leave = new AbortController();
  const held = heldScan();
  const running = scans.run("a", KIND, leave.signal, held.scan);
  const waiting = scans.run("a", KIND, leave.signal, async () => "no");
  await held.hasBegun;
  const settled = Promise.allSettled([running, waiting]);
  leave.abort(new Error("gone"));
  expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await scans.run("a", KIND, undefined, async () => "served")).toBe("served");
});
