import { Counter, Gauge, Histogram, type Registry } from "prom-client";

// Seconds. A unary append takes about a millisecond; what takes longer than 10 s is a stream.
const DURATION_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What is counted of every call of a known method, refused ones included. */
export interface RpcMetrics {
  started(method: string): void;
  /** @param code name of the gRPC status code */
  finished(method: string, code: string, seconds: number): void;
  /** Counts, each time it is called, a call that ended before it began. */
  refusals(method: string, code: string): () => void;
  /** A connection came when there were as many as may be. */
  droppedConnection(): void;
  /** A connection was ended, since too many of its streams were reset before they were served. */
  endedConnection(): void;
  /** A connection is open; it is over when what is returned was called. */
  connectionOpened(): () => void;
  /** A call was ended because its message did not come. */
  unsentMessage(why: "too many" | "too late"): void;
}

/** What is looked up when metrics are read. */
export interface RpcGauges {
  /** Calls whose message is late. */
  awaitedMessages(): number;
  openStreams(): number;
  waitingHeavyCalls(): number;
}

/** Registers the metrics of the gRPC edge. Once per registry. */
export function createRpcMetrics(registry: Registry, gauges: RpcGauges): RpcMetrics {
  const registers = [registry];
  const calls = new Counter({
    name: "holdfast_rpc_calls_total",
    help: "Calls that ended, by method and gRPC status code.",
    labelNames: ["method", "code"],
    registers,
  });
  const duration = new Histogram({
    name: "holdfast_rpc_duration_seconds",
    help: "Time from the start of a call to its status.",
    labelNames: ["method"],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const inFlight = new Gauge({
    name: "holdfast_rpc_in_flight",
    help: "Calls that have begun and not ended.",
    labelNames: ["method"],
    registers,
  });
  const dropped = new Counter({
    name: "holdfast_dropped_connections_total",
    help: "Connections closed as they came, since there were as many as may be.",
    registers,
  });
  const ended = new Counter({
    name: "holdfast_ended_connections_total",
    help: "Connections ended, since too many of their streams were reset before they were served.",
    registers,
  });
  const connections = new Gauge({
    name: "holdfast_open_connections",
    help: "Connections of gRPC clients, those that have not said anything yet included.",
    registers,
  });
  new Gauge({
    name: "holdfast_open_streams",
    help: "Calls that take or answer a stream and have not ended.",
    registers,
    collect() {
      this.set(gauges.openStreams());
    },
  });
  new Gauge({
    name: "holdfast_calls_awaiting_message",
    help: "Calls whose request message has not come though their headers have.",
    registers,
    collect() {
      this.set(gauges.awaitedMessages());
    },
  });
  new Gauge({
    name: "holdfast_waiting_heavy_calls",
    help: "Lists, searches and other calls that read much and wait for others like them.",
    registers,
    collect() {
      this.set(gauges.waitingHeavyCalls());
    },
  });
  const unsent = new Counter({
    name: "holdfast_unsent_messages_total",
    help: "Calls ended because their request message came too late, or because too many waited for theirs.",
    labelNames: ["why"],
    registers,
  });
  return {
    started(method) {
      inFlight.inc({ method });
    },
    finished(method, code, seconds) {
      inFlight.dec({ method });
      calls.inc({ method, code });
      duration.observe({ method }, seconds);
    },
    refusals(method, code) {
      // Made once: to look them up for each would be a good part of what refusing costs.
      const refused = calls.labels(method, code);
      const durations = duration.labels(method);
      return () => {
        refused.inc();
        durations.observe(0);
      };
    },
    droppedConnection() {
      dropped.inc();
    },
    endedConnection() {
      ended.inc();
    },
    connectionOpened() {
      connections.inc();
      return () => connections.dec();
    },
    unsentMessage(why) {
      unsent.inc({ why: why.replace(" ", "_") });
    },
  };
}
