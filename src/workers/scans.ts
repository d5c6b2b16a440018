import { Counter, Gauge, type Registry } from "prom-client";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { TenantTurns } from "../core/tenant-turns.js";
import { WorkLimitError } from "./work-limit-error.js";

export interface ScanSettings {
  /** Scans of all tenants at a time; each holds a connection to the database. */
  readonly maxScans: number;
  /** Scans of one tenant that may wait for their turn; more are refused as OVERLOADED. */
  readonly maxWaitingWorkerTasks: number;
  /** Milliseconds that one may take. */
  readonly scanTimeoutMs: number;
}

/** What is scanned for, and how to ask for less; both for the error of one that takes too long. */
export interface ScanKind {
  readonly name: string;
  readonly advice: string;
}

/** The others of a tenant wait: each reads as fast as the database gives. */
const SCANS_PER_TENANT = 1;

/**
 * Reads that go through all that a tenant has of something: vectors that are compared, sessions that are mined. They
 * take turns before they take a connection, so that one tenant's leave connections to the others.
 */
export class Scans {
  readonly #timeoutMs: number;
  readonly #turns: TenantTurns;
  readonly #ended: Counter<"scan" | "outcome">;

  constructor({ maxScans, maxWaitingWorkerTasks, scanTimeoutMs }: ScanSettings, registry: Registry) {
    const limits = {
      running: Math.max(1, maxScans),
      runningPerTenant: SCANS_PER_TENANT,
      waitingPerTenant: maxWaitingWorkerTasks,
    };
    const turns = new TenantTurns(limits, "scans");
    const registers = [registry];
    this.#timeoutMs = scanTimeoutMs;
    this.#turns = turns;
    new Gauge({
      name: "holdfast_scans",
      help: "Reads of all that a tenant has of something: running, and waiting for their turn.",
      labelNames: ["state"],
      registers,
      collect() {
        this.set({ state: "running" }, turns.running);
        this.set({ state: "waiting" }, turns.waiting);
      },
    });
    this.#ended = new Counter({
      name: "holdfast_scans_total",
      help: "Such reads that ended, by what they are for and their outcome.",
      labelNames: ["scan", "outcome"],
      registers,
    });
  }

  /**
   * Scans when it is this tenant's turn.
   *
   * @param scan ends when its signal aborts
   * @throws OVERLOADED, LIMIT_EXCEEDED when it or a task of it takes too long, the signal's reason, what the scan throws
   */
  async run<T>(
    tenantId: string,
    { name, advice }: ScanKind,
    signal: AbortSignal | undefined,
    scan: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    let outcome = "refused";
    const limit = new AbortController();
    const overTime = () => limit.abort(new WorkLimitError(this.#timeoutMs, "ms in all"));
    try {
      const endTurn = await this.#turns.take(tenantId, signal);
      const timer = setTimeout(overTime, this.#timeoutMs);
      outcome = "failed";
      try {
        const result = await scan(signal ? AbortSignal.any([signal, limit.signal]) : limit.signal);
        outcome = "done";
        return result;
      } finally {
        clearTimeout(timer);
        endTurn();
      }
    } catch (error) {
      if (signal?.aborted) outcome = "cancelled";
      const over = limit.signal.aborted ? limit.signal.reason : error;
      if (signal?.aborted || !(over instanceof WorkLimitError)) throw error;
      outcome = "limited";
      const metadata = { limit: String(over.limit), actual: String(over.limit + 1) };
      const message = `${name}: expected less to do, got ${over.message}: ${advice}`;
      throw new HoldfastError(ErrorReason.LIMIT_EXCEEDED, message, { metadata, cause: error });
    } finally {
      this.#ended.inc({ scan: name, outcome });
    }
  }
}
