import type { Registry } from "prom-client";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { TenantTurns } from "../core/tenant-turns.js";
import { TaskProcess } from "./task-process.js";
import { WorkLimitError } from "./work-limit-error.js";
import { createWorkerMetrics, type Outcome, type WorkerMetrics } from "./worker-metrics.js";
import type { WorkerTask } from "./worker-task.js";

export interface WorkerPoolSettings {
  /** Processes at most. They are started when there is work, and end after `workerIdleMs` without. */
  readonly workerProcesses: number;
  /** Tasks of one tenant that run at a time; the rest wait, and tenants take turns. */
  readonly workerTasksPerTenant: number;
  /** Tasks of one tenant that may wait; more are refused as OVERLOADED. */
  readonly maxWaitingWorkerTasks: number;
  /** MiB of heap of one process; a task that needs more fails, and its process is replaced. */
  readonly workerMemoryMiB: number;
  /** Milliseconds that a process without work is kept. */
  readonly workerIdleMs: number;
}

export interface RunOptions {
  /** Milliseconds the task may run, its process and module being there; then the process is ended. */
  readonly timeLimitMs: number;
  /** Nobody waits for the result any more: ends the task, running or not, and throws its reason. */
  readonly signal?: AbortSignal | undefined;
  /** What the task is given besides its argument, in messages of their own: for more than some hundred KiB. */
  readonly parts?: Iterable<unknown>;
}

/** Nothing of the environment decides what a task answers. */
const NO_ENVIRONMENT = {};

interface Idle {
  readonly process: TaskProcess;
  readonly timer: NodeJS.Timeout;
}

/**
 * Runs work whose cost the callers' input decides (patterns, schemas, vectors) beside the one thread that serves all:
 * each task under a time limit, a few of one tenant at a time, tenants in turn.
 */
export class WorkerPool {
  readonly #settings: WorkerPoolSettings;
  readonly #metrics: WorkerMetrics;
  readonly #turns: TenantTurns;
  /** All that are there, and those of them that have nothing to do. */
  readonly #processes = new Set<TaskProcess>();
  readonly #idle: Idle[] = [];
  #isClosed = false;

  constructor(settings: WorkerPoolSettings, registry: Registry) {
    this.#settings = settings;
    const turns = new TenantTurns(
      {
        running: Math.max(1, settings.workerProcesses),
        runningPerTenant: settings.workerTasksPerTenant,
        waitingPerTenant: settings.maxWaitingWorkerTasks,
      },
      "tasks",
    );
    this.#turns = turns;
    this.#metrics = createWorkerMetrics(registry, () => turns);
  }

  /**
   * The result of a task, run on behalf of this tenant.
   *
   * @throws OVERLOADED when too many of the tenant's tasks wait; WorkLimitError; what the task throws
   */
  async run<Argument, Result>(
    tenantId: string,
    task: WorkerTask<Argument, Result>,
    argument: Argument,
    { timeLimitMs, signal, parts }: RunOptions,
  ): Promise<Result> {
    signal?.throwIfAborted();
    const endTurn = await this.#turns.take(tenantId, signal).catch((error: unknown) => {
      this.#metrics.ended(task.name, signal?.aborted ? "cancelled" : "refused", 0);
      throw error;
    });
    const startMs = performance.now();
    let outcome: Outcome = "failed";
    const limit = new AbortController();
    const stop = signal ? AbortSignal.any([signal, limit.signal]) : limit.signal;
    const overTime = () => limit.abort(new WorkLimitError(timeLimitMs, "ms of work"));
    let timer: NodeJS.Timeout | undefined;
    const onBegun = () => {
      timer = setTimeout(overTime, timeLimitMs);
    };
    try {
      const result = await this.#execute(task, argument, stop, onBegun, parts);
      outcome = "done";
      return result;
    } catch (error) {
      const isLimited = limit.signal.aborted || error instanceof WorkLimitError;
      outcome = signal?.aborted ? "cancelled" : isLimited ? "limited" : "failed";
      throw stop.aborted ? stop.reason : error;
    } finally {
      clearTimeout(timer);
      this.#metrics.ended(task.name, outcome, (performance.now() - startMs) / 1000);
      endTurn();
    }
  }

  /** Ends all processes, whatever they do; tasks that wait are refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { timer } of this.#idle.splice(0)) clearTimeout(timer);
    for (const process of this.#processes) process.kill();
    await Promise.all([...this.#processes].map((process) => process.ended));
  }

  async #execute<Argument, Result>(
    { module, name }: WorkerTask<Argument, Result>,
    argument: Argument,
    signal: AbortSignal,
    onBegun: () => void,
    parts: Iterable<unknown> | undefined,
  ): Promise<Result> {
    if (this.#isClosed) throw stopping();
    signal.throwIfAborted();
    const process = this.#process();
    const kill = () => process.kill();
    signal.addEventListener("abort", kill, { once: true });
    try {
      return (await process.perform({ module, name, argument }, { onBegun }, parts)) as Result;
    } catch (error) {
      throw this.#isClosed ? stopping() : error;
    } finally {
      signal.removeEventListener("abort", kill);
      if (!signal.aborted) this.#keep(process);
    }
  }

  /** One that has nothing to do, or a new one. */
  #process(): TaskProcess {
    const idle = this.#idle.pop();
    if (idle) {
      clearTimeout(idle.timer);
      return idle.process;
    }
    const process = new TaskProcess(this.#settings.workerMemoryMiB, NO_ENVIRONMENT);
    this.#processes.add(process);
    void process.ended.then(() => {
      this.#processes.delete(process);
      this.#forget(process);
    });
    return process;
  }

  #keep(process: TaskProcess): void {
    if (this.#isClosed || process.isGone) return;
    const timer = setTimeout(() => {
      this.#forget(process);
      process.kill();
    }, this.#settings.workerIdleMs);
    this.#idle.push({ process, timer });
  }

  #forget(process: TaskProcess): void {
    const at = this.#idle.findIndex((idle) => idle.process === process);
    if (at < 0) return;
    for (const { timer } of this.#idle.splice(at, 1)) clearTimeout(timer);
  }
}

function stopping(): HoldfastError {
  return new HoldfastError(ErrorReason.SERVER_DRAINING, "this server is stopping");
}
