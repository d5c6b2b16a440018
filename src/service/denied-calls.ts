import type { Logger } from "pino";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { SecurityLevel } from "../../gen/holdfast/v1/security_audit_pb.js";
import { errorText, type HoldfastError } from "../core/errors.js";
import { jsonPayload } from "../core/json-payload.js";
import type { Principal } from "../core/principal.js";
import type { EntryPreparer } from "./prepare-entry.js";

/** A call that was refused for who made it. */
export interface Denial {
  /** Of the system tenant for a caller who is nobody known. */
  readonly principal: Principal;
  /** The method's path. */
  readonly operation: string;
  readonly error: HoldfastError;
  /** Address of the other end. */
  readonly peer: string;
}

export interface DeniedCallsSettings {
  /** How long the first denial of a kind waits for others like it. */
  readonly deniedCallsDelayMs: number;
  /**
   * How long those of a kind that goes on wait at most: what a killed server can lose. A kind not met for as long is a
   * new one: were it less, a patient caller would fill the log.
   */
  readonly deniedCallsMaxDelayMs: number;
}

export interface DeniedCallsContext {
  readonly append: (tenantId: string, audit: Parameters<EntryPreparer["audit"]>[0]) => Promise<void>;
  readonly logger: Logger;
  readonly settings: DeniedCallsSettings;
}

/** Denials of one caller at one method since they were last stored. */
interface Run {
  readonly first: Denial;
  count: number;
  firstTime: Date;
  lastTime: Date;
  readonly hosts: Set<string>;
  delayMs: number;
  timer: NodeJS.Timeout;
}

/** Kinds of denials told apart at once; callers and methods are few, so only an attack makes more. */
const MAX_RUNS = 1000;
/** Addresses named in one audit. */
const MAX_HOSTS = 20;

/**
 * Notes denied calls as security audits. Those of one caller at one method are
 * counted together, and the longer they go on the longer the next audit of them
 * waits, twice as long each time: a flood of calls makes a dozen audits, not a flood
 * of them, and none of the calls goes uncounted.
 */
export class DeniedCalls {
  readonly #context: DeniedCallsContext;
  readonly #runs = new Map<string, Run>();
  #omitted = 0;

  constructor(context: DeniedCallsContext) {
    this.#context = context;
  }

  add(denial: Denial): void {
    const { principal, operation, error } = denial;
    const key = JSON.stringify([principal.tenantId, principal.actor, operation, error.reason]);
    const run = this.#runs.get(key) ?? this.#begin(key, denial);
    if (!run) {
      this.#omitted += 1;
      return;
    }
    run.count += 1;
    run.lastTime = new Date();
    if (run.count === 1) run.firstTime = run.lastTime;
    if (run.hosts.size < MAX_HOSTS) run.hosts.add(denial.peer.replace(/:\d+$/, ""));
  }

  async close(): Promise<void> {
    const runs = [...this.#runs.values()];
    this.#runs.clear();
    for (const run of runs) clearTimeout(run.timer);
    await Promise.all(runs.map((run) => this.#store(run)));
  }

  #begin(key: string, first: Denial): Run | undefined {
    if (this.#runs.size >= MAX_RUNS) return undefined;
    const { deniedCallsDelayMs: delayMs } = this.#context.settings;
    const now = new Date();
    const timer = setTimeout(() => void this.#due(key), delayMs);
    timer.unref();
    const run = { first, count: 0, firstTime: now, lastTime: now, hosts: new Set<string>(), delayMs, timer };
    this.#runs.set(key, run);
    return run;
  }

  async #due(key: string): Promise<void> {
    const run = this.#runs.get(key);
    if (!run) return;
    const { deniedCallsMaxDelayMs } = this.#context.settings;
    if (run.count > 0) {
      run.delayMs = Math.min(2 * run.delayMs, deniedCallsMaxDelayMs);
      await this.#store(run);
    } else if (Date.now() - run.lastTime.getTime() >= deniedCallsMaxDelayMs) {
      this.#runs.delete(key);
    }
    if (this.#runs.get(key) !== run) return;
    run.timer = setTimeout(() => void this.#due(key), run.delayMs);
    run.timer.unref();
  }

  async #store(run: Run): Promise<void> {
    const { principal, operation, error } = run.first;
    const { count, firstTime, lastTime } = run;
    if (count === 0) return;
    const addresses = [...run.hosts];
    const omitted = this.#omitted;
    run.count = 0;
    run.hosts.clear();
    this.#omitted = 0;
    try {
      await this.#context.append(principal.tenantId, {
        operation,
        actor: principal.actor,
        valid: false,
        level: error.reason === ErrorReason.PERMISSION_DENIED ? SecurityLevel.HIGH : SecurityLevel.MEDIUM,
        message: error.message,
        metadata: jsonPayload({
          count,
          first_time: firstTime.toISOString(),
          last_time: lastTime.toISOString(),
          addresses,
          ...(omitted > 0 && { other_denied_calls: omitted }),
        }),
      });
    } catch (failure) {
      // They are counted with the next ones.
      run.count += count;
      run.firstTime = firstTime;
      this.#omitted += omitted;
      this.#context.logger.warn({ reason: errorText(failure), count }, "denied calls could not be noted");
    }
  }
}
