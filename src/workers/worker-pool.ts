import { MessageChannel, type Transferable } from "node:worker_threads";
import type { Registry } from "prom-client";
import { Tinypool } from "tinypool";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { TenantTurns } from "../core/tenant-turns.js";
import type { runTask } from "./run-task.js";
import { createWorkerMetrics, type Outcome, type WorkerMetrics } from "./worker-metrics.js";
import { compiledModule, type WorkerTask } from "./worker-task.js";

export interface WorkerPoolSettings {
  /** Worker threads at most. They are started when there is work, and end after some seconds without. */
  readonly workerThreads: number;
  /** Tasks of one tenant that run at a time; the rest wait, and tenants take turns. */
  readonly workerTasksPerTenant: number;
  /** Tasks of one tenant that may wait; more are refused as OVERLOADED. */
  readonly maxWaitingWorkerTasks: number;
  /** MiB of heap of one worker thread; a task that needs more fails, and its thread is replaced. */
  readonly workerMemoryMiB: number;
}

export interface RunOptions {
  /** Milliseconds the task may run, its thread and module being there; then the thread is ended. */
  readonly timeLimitMs: number;
  /** Nobody waits for the result any more: ends the task, running or not, and throws its reason. */
  readonly signal?: AbortSignal | undefined;
  /** What of the argument is handed over instead of copied; the caller cannot use it any more. */
  readonly transfer?: readonly Transferable[];
}

/** A task took more time or memory than it may. */
export class WorkLimitError extends Error {
  override readonly name = "WorkLimitError";
  readonly limit: number;

  constructor(limit: number, unit: string) {
    super(`more than ${limit} ${unit}`);
    this.limit = limit;
  }
}

/** A thread that is started for one task alone is not worth it: it stays so long for the next one. */
const IDLE_MS = 10_000;

/**
 * Runs work whose cost the callers' input decides (patterns, schemas, vectors) beside the one thread that serves all:
 * each task under a time limit, a few of one tenant at a time, tenants in turn.
 */
export class WorkerPool {
  readonly #settings: WorkerPoolSettings;
  readonly #metrics: WorkerMetrics;
  readonly #turns: TenantTurns;
  #threads: Tinypool | undefined;
  #isClosed = false;

  constructor(settings: WorkerPoolSettings, registry: Registry) {
    this.#settings = settings;
    const turns = new TenantTurns(
      {
        running: Math.max(1, settings.workerThreads),
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
    { timeLimitMs, signal, transfer = [] }: RunOptions,
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
      const result = await this.#execute(task, argument, [...transfer], stop, onBegun);
      outcome = "done";
      return result;
    } catch (error) {
      outcome = signal?.aborted
        ? "cancelled"
        : limit.signal.aborted || isOutOfMemory(error)
          ? "limited"
          : "failed";
      if (stop.aborted) throw stop.reason;
      if (!isOutOfMemory(error)) throw error;
      throw new WorkLimitError(this.#settings.workerMemoryMiB, "MiB of memory");
    } finally {
      clearTimeout(timer);
      this.#metrics.ended(task.name, outcome, (performance.now() - startMs) / 1000);
      endTurn();
    }
  }

  /** Ends all threads, whatever they do; tasks that wait are refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#threads?.destroy();
  }

  async #execute<Argument, Result>(
    { module, name }: WorkerTask<Argument, Result>,
    argument: Argument,
    transfer: Transferable[],
    signal: AbortSignal,
    onBegun: () => void,
  ): Promise<Result> {
    if (this.#isClosed) throw new HoldfastError(ErrorReason.SERVER_DRAINING, "this server is stopping");
    const { port1, port2: begun } = new MessageChannel();
    port1.once("message", onBegun);
    try {
      this.#threads ??= newThreads(this.#settings);
      const run: Parameters<typeof runTask>[0] = { module, name, argument, begun };
      return await this.#threads.run(run, { transferList: [begun, ...transfer], signal });
    } finally {
      port1.close();
    }
  }
}

function newThreads({ workerThreads, workerMemoryMiB }: WorkerPoolSettings): Tinypool {
  return new Tinypool({
    filename: compiledModule(new URL("./run-task.js", import.meta.url)),
    name: "runTask",
    minThreads: 0,
    maxThreads: workerThreads,
    idleTimeout: IDLE_MS,
    // What waits waits in the queues of its tenants.
    concurrentTasksPerWorker: 1,
    // Threads wait for messages as the main thread does: they can be ended at any time.
    useAtomics: false,
    resourceLimits: { maxOldGenerationSizeMb: workerMemoryMiB },
    // Nothing of the environment decides what a task answers.
    env: {},
    execArgv: [],
  });
}

function isOutOfMemory(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY";
}
