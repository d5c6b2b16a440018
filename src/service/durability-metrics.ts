import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { OnBarrier } from "../store/commit-barrier.js";
import type { DurableLog } from "./durable-log.js";

// Seconds. A commit that a standby acknowledges takes milliseconds; one that waits for a standby that is away, its timeout.
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30];

/** Registers the metrics of commit barriers. Once per registry. */
export function observeBarriers(registry: Registry): OnBarrier {
  const registers = [registry];
  const barriers = new Counter({
    name: "holdfast_commit_barriers_total",
    help: "Commits that prove that what was read is on a synchronous standby, by whether they were committed or failed.",
    labelNames: ["outcome"],
    registers,
  });
  const duration = new Histogram({
    name: "holdfast_commit_barrier_duration_seconds",
    help: "Time that such a commit took, its wait for a synchronous standby included.",
    buckets: BUCKETS,
    registers,
  });
  return (seconds, isCommitted) => {
    barriers.inc({ outcome: isCommitted ? "committed" : "failed" });
    duration.observe(seconds);
  };
}

/** Registers how many wait for them. Once per registry. */
export function registerDurabilityGauge(registry: Registry, durable: DurableLog): void {
  new Gauge({
    name: "holdfast_commit_barrier_waiting",
    help: "Answers, feeds and subscribers that wait for what they read to be on a synchronous standby.",
    registers: [registry],
    collect() {
      this.set(durable.waiting);
    },
  });
}
