import { count, milliseconds } from "../core/setting.js";

const SECOND = 1000;

/** Settings of the worker processes, and of what runs in them. */
export const workerLimits = {
  workerProcesses: count(
    "HOLDFAST_WORKER_PROCESSES",
    2,
    "processes for schema checks, vector comparison and mining; they start when there is such work",
  ),
  workerTasksPerTenant: count(
    "HOLDFAST_WORKER_TASKS_PER_TENANT",
    1,
    "tasks of one tenant on those processes at a time; fewer than processes, so that another tenant finds one",
  ),
  maxWaitingWorkerTasks: count(
    "HOLDFAST_MAX_WAITING_WORKER_TASKS",
    32,
    "tasks of one tenant that may wait for a process, and scans for their turn; more are rejected as OVERLOADED",
  ),
  workerMemoryMiB: count(
    "HOLDFAST_WORKER_MEMORY_MIB",
    256,
    "heap of one such process, in MiB; a task that needs more fails",
  ),
  workerIdleMs: milliseconds(
    "HOLDFAST_WORKER_IDLE_MS",
    10 * SECOND,
    "how long such a process without work is kept, in ms; to start one takes longer than most tasks",
  ),
  maxScans: count(
    "HOLDFAST_MAX_SCANS",
    4,
    "searches of vectors without pgvector and minings at a time, of one tenant one; each holds a connection, and a quarter of them leaves the rest to others",
  ),
  scanTimeoutMs: milliseconds(
    "HOLDFAST_SCAN_TIMEOUT_MS",
    60 * SECOND,
    "how long one of those may take, in ms; one that takes longer is ended as LIMIT_EXCEEDED",
  ),
  schemaTimeLimitMs: milliseconds(
    "HOLDFAST_SCHEMA_TIME_LIMIT_MS",
    2 * SECOND,
    "how long checking a JSON Schema, or a value by it, may take in such a process, in ms; an honest one takes milliseconds, some hundred when the machine is busy",
  ),
} as const;
