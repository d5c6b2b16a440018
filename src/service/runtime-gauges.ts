import { Counter, Gauge, type Registry } from "prom-client";
import type { Database } from "../store/database.js";
import { DATABASE_STATES, type DatabaseProbe } from "../store/database-probe.js";
import type { Hub } from "./hub.js";

/**
 * Registers what a server has at the moment: its database's state, connections to it, feeds that someone follows,
 * subscribers that wait to read the database. Once per registry.
 */
export function registerRuntimeGauges(
  registry: Registry,
  { database, probe, hub }: { readonly database: Database; readonly probe: DatabaseProbe; readonly hub: Hub },
): void {
  const registers = [registry];
  new Gauge({
    name: "holdfast_database_connections",
    help: "Connections to the database: open, of them in_use; and callers waiting for one.",
    labelNames: ["state"],
    registers,
    collect() {
      const { open, inUse, waiting } = database.connections;
      this.set({ state: "open" }, open);
      this.set({ state: "in_use" }, inUse);
      this.set({ state: "waiting" }, waiting);
    },
  });
  new Gauge({
    name: "holdfast_database_state",
    help: "1 for the state that the database is in, 0 for the others. Health says SERVING only while it is writable.",
    labelNames: ["state"],
    registers,
    collect() {
      for (const state of DATABASE_STATES) this.set({ state }, state === probe.state ? 1 : 0);
    },
  });
  new Gauge({
    name: "holdfast_followed_tenants",
    help: "Tenants whose log someone follows on this server.",
    registers,
    collect() {
      this.set(hub.ends.length);
    },
  });
  new Counter({
    name: "holdfast_log_diverged_total",
    help: "Times that the database had another history of a log than subscribers had been told; their streams ended.",
    registers,
    collect() {
      this.reset();
      this.inc(hub.divergedLogs);
    },
  });
  new Gauge({
    name: "holdfast_waiting_subscribers",
    help: "Subscribers, new or behind, that wait for their turn to read the database.",
    registers,
    collect() {
      this.set(hub.waiting);
    },
  });
}
