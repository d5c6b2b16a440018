import type { Logger } from "pino";
import { Gauge, Histogram, type Registry } from "prom-client";
import { threadCpuTime } from "./thread-cpu-time.js";

/** How often the delay is measured: a hold that is much shorter delays no call that anybody would notice. */
const TICK_MS = 20;
/** A delay that is logged. Calls of all tenants took as much longer: no request may cause that. */
const LOGGED_MS = 1_000;
// Seconds.
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the log says of a long delay. Fuzz and chaos look for it. */
export const HELD_MESSAGE = "the event loop was held";

export interface EventLoopWatch {
  close(): void;
}

/**
 * Measures how much later than asked the event loop comes to a timer: how long any call waits at that moment.
 *
 * The metrics of prom-client (`nodejs_eventloop_lag_max_seconds` and others) are reset by each scrape, so with two
 * scrapers neither sees all, and they include the 10 ms between two of their measurements. These are never reset.
 *
 * A delay from one second on is logged with the CPU time that the thread of the event loop used meanwhile. Little of
 * it means that the machine was busy with something else, or that the process was stopped.
 */
export function watchEventLoopDelay(registry: Registry, logger: Logger): EventLoopWatch {
  const registers = [registry];
  const delays = new Histogram({
    name: "holdfast_event_loop_delay_seconds",
    help: "How much later than asked the event loop came to a timer, measured every 20 ms. Each call waits as long.",
    buckets: BUCKETS,
    registers,
  });
  const longest = new Gauge({
    name: "holdfast_event_loop_longest_delay_seconds",
    help: "The longest such delay since the server started.",
    registers,
  });
  const cpu = threadCpuTime();
  let longestMs = 0;
  let due = performance.now() + TICK_MS;
  let cpuBefore = cpu.nowMs();
  const tick = () => {
    const now = performance.now();
    const cpuNow = cpu.nowMs();
    const delayMs = Math.max(0, now - due);
    delays.observe(delayMs / 1000);
    if (delayMs > longestMs) {
      longestMs = delayMs;
      longest.set(longestMs / 1000);
    }
    if (delayMs >= LOGGED_MS) {
      const cpuMs = Math.round(cpuNow - cpuBefore);
      logger.warn({ delayMs: Math.round(delayMs), cpuMs }, HELD_MESSAGE);
    }
    cpuBefore = cpuNow;
    due = performance.now() + TICK_MS;
    timer = setTimeout(tick, TICK_MS).unref();
  };
  let timer = setTimeout(tick, TICK_MS).unref();
  return {
    close() {
      clearTimeout(timer);
      cpu.close();
    },
  };
}
