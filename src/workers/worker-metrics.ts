import { Counter, Gauge, Histogram, type Registry } from "prom-client";

// Seconds. Most tasks take milliseconds; none may take more than some seconds.
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How a task ended: done; failed by an error; refused before it began; over its limit of time or memory; or nobody waited for it any more. */
export type Outcome = "done" | "failed" | "refused" | "limited" | "cancelled";

export interface WorkerMetrics {
  ended(task: string, outcome: Outcome, seconds: number): void;
}

/** Registers the metrics of the worker processes. Once per registry. */
export function createWorkerMetrics(
  registry: Registry,
  now: () => { readonly running: number; readonly waiting: number },
): WorkerMetrics {
  const registers = [registry];
  new Gauge({
    name: "holdfast_worker_tasks",
    help: "Tasks for worker processes: running, and waiting for their turn.",
    labelNames: ["state"],
    registers,
    collect() {
      const { running, waiting } = now();
      this.set({ state: "running" }, running);
      this.set({ state: "waiting" }, waiting);
    },
  });
  const ended = new Counter({
    name: "holdfast_worker_tasks_total",
    help: "Tasks of worker processes that ended, by task and outcome.",
    labelNames: ["task", "outcome"],
    registers,
  });
  const duration = new Histogram({
    name: "holdfast_worker_task_duration_seconds",
    help: "Time a task had its worker process.",
    labelNames: ["task"],
    buckets: DURATION_BUCKETS,
    registers,
  });
  return {
    ended(task, outcome, seconds) {
      ended.inc({ task, outcome });
      if (outcome !== "refused") duration.observe({ task }, seconds);
    },
  };
}
