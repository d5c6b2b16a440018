import { Histogram, type Registry } from "prom-client";
import { RecentDurations } from "../core/recent-durations.js";

// Seconds. A lone entry takes about a millisecond; a flush under load some tens.
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** How long this server takes to make what it is given durable. */
export interface AppendLatencyRecord {
  readonly recent: RecentDurations;
  observe(seconds: number): void;
}

/** Registers the metric of it. Once per registry. */
export function createAppendLatency(registry: Registry): AppendLatencyRecord {
  const recent = new RecentDurations();
  const histogram = new Histogram({
    name: "holdfast_append_duration_seconds",
    help: "Time from a batch having been received to its being durable.",
    buckets: BUCKETS,
    registers: [registry],
  });
  return {
    recent,
    observe(seconds) {
      recent.add(seconds);
      histogram.observe(seconds);
    },
  };
}
