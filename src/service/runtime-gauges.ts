import { Gauge, type Registry } from "prom-client";
import type { Database } from "../store/database.js";
import type { Hub } from "./hub.js";

/**
 * Registers what a server holds at the moment: connections to the database, feeds that someone follows, subscribers
 * that wait to read the database. Once per registry.
 */
export function registerRuntimeGauges(registry: Registry, database: Database, hub: Hub): void {
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
    name: "holdfast_followed_tenants",
    help: "Tenants whose log someone follows on this server.",
    registers,
    collect() {
      this.set(hub.tenants.length);
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
