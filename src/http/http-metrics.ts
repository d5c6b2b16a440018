import { Counter, Gauge, type Registry } from "prom-client";

/** Why the HTTP port closed a connection that its client would have kept. */
export type ClosedWhy = "too_many" | "pipelined" | "bad_request" | "late_request" | "late_answer";

export interface HttpMetrics {
  closed(why: ClosedWhy): void;
}

/** Registers the metrics of the HTTP port. Once per registry. */
export function createHttpMetrics(registry: Registry, openConnections: () => number): HttpMetrics {
  const registers = [registry];
  new Gauge({
    name: "holdfast_http_open_connections",
    help: "Connections of HTTP clients.",
    registers,
    collect() {
      this.set(openConnections());
    },
  });
  const closed = new Counter({
    name: "holdfast_http_closed_connections_total",
    help: "Connections closed since there were too many, requests were pipelined, malformed or late, or an answer was not read.",
    labelNames: ["why"],
    registers,
  });
  return { closed: (why) => closed.inc({ why }) };
}
