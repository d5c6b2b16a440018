import { collectDefaultMetrics, Registry } from "prom-client";

/** A registry of metrics, those of the process (memory, CPU, event loop, garbage collection) already in it. */
export function createMetricsRegistry(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}
