import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs } from "../clock.js";

/** Places in a server where it can be made to fail, each between two steps that no fault from outside can be aimed at. */
export const FAILPOINTS = [
  "before-commit",
  "after-commit",
  "before-ack",
  "between-pages",
  "hand-over",
  "in-drain",
  "execute-then-timeout",
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];

/** What happens there: the process is killed, or stands still for a moment, or the place fails by itself. */
export type FailpointAction = "kill" | "stall" | "fail";

const STALL_MS = 700;

/** The failpoints of one server: each armed from outside, and firing once. */
export class Failpoints {
  readonly #reports: string;
  readonly #armed = new Map<Failpoint, FailpointAction>();

  /** @param reports a file that is told what fired, before it does. */
  constructor(reports: string) {
    this.#reports = reports;
  }

  arm(point: Failpoint, action: FailpointAction): void {
    this.#armed.set(point, action);
  }

  disarm(point: Failpoint): void {
    this.#armed.delete(point);
  }

  isArmed(point: Failpoint): boolean {
    return this.#armed.has(point);
  }

  /** Whether it fires now, for a place that knows by itself how to fail. */
  takes(point: Failpoint): boolean {
    if (!this.#armed.delete(point)) return false;
    // The next line may be the last that this process does.
    appendFileSync(this.#reports, `${JSON.stringify({ k: "fired", point, t: monotonicMs() })}\n`);
    return true;
  }

  async hit(point: Failpoint): Promise<void> {
    const action = this.#armed.get(point);
    if (action === undefined || !this.takes(point)) return;
    if (action === "kill") process.kill(process.pid, "SIGKILL");
    await delay(STALL_MS);
  }

  /** For a place that cannot wait: it is always killed. */
  hitNow(point: Failpoint): void {
    if (this.takes(point)) process.kill(process.pid, "SIGKILL");
  }
}
