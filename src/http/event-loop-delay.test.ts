import { Writable } from "node:stream";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { HELD_MESSAGE, watchEventLoopDelay } from "./event-loop-delay.js";
import { createMetricsRegistry } from "./metrics-registry.js";

const HELD_MS = 1_200;

test("a loop that is held shows in the metrics and in the log, with the CPU time it took", async () => {
  const lines: { msg: string; delayMs: number; cpuMs: number }[] = [];
  const output = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)));
      done();
    },
  });
  const registry = createMetricsRegistry();
  const watch = watchEventLoopDelay(registry, pino({}, output));
  onTestFinished(() => watch.close());
  const value = async (name: string) =>
    Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await registry.metrics())?.[1]);
  await expect.poll(() => value("holdfast_event_loop_delay_seconds_count")).toBeGreaterThan(1);

  const until = performance.now() + HELD_MS;
  while (performance.now() < until);
  await expect.poll(() => lines.find(({ delayMs }) => delayMs >= 1_000)).toMatchObject({ msg: HELD_MESSAGE });
  const { delayMs = 0, cpuMs = 0 } = lines.find((line) => line.delayMs >= 1_000) ?? {};
  expect(cpuMs).toBeGreaterThan(0);
  expect(await value("holdfast_event_loop_longest_delay_seconds")).toBeGreaterThanOrEqual(
    delayMs / 1000 - 0.001,
  );
  // A scrape takes nothing away from the next one.
  const before = await value("holdfast_event_loop_delay_seconds_count");
  expect(await value("holdfast_event_loop_delay_seconds_count")).toBeGreaterThanOrEqual(before);
});
