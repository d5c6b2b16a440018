import { Counter, Gauge, type Registry } from "prom-client";
import type { UnreadCalls, UnreadEnd } from "./unread-calls.js";

export interface UnreadMetrics {
  /** A call was ended because its client does not read. */
  readonly ended: (end: UnreadEnd) => void;
}

/** Registers the metrics of answers that are not read. Once per registry. */
export function createUnreadMetrics(registry: Registry, calls: () => UnreadCalls): UnreadMetrics {
  const registers = [registry];
  new Gauge({
    name: "holdfast_unsent_bytes",
    help: "Bytes of answers held because their clients have not read them, and of those being made.",
    registers,
    collect() {
      this.set(calls().bytes.total);
    },
  });
  new Gauge({
    name: "holdfast_unread_calls",
    help: "Calls with answers that their clients have not read (unread), and calls that wait for room to make the next answer (waiting).",
    labelNames: ["state"],
    registers,
    collect() {
      this.set({ state: "unread" }, calls().size);
      this.set({ state: "waiting" }, calls().bytes.waiting);
    },
  });
  const ended = new Counter({
    name: "holdfast_unread_calls_ended_total",
    help: "Calls ended because their clients do not read: while their tenant had no room (no_room), or for too long (timeout).",
    labelNames: ["reason"],
    registers,
  });
  return { ended: (reason) => ended.inc({ reason }) };
}
