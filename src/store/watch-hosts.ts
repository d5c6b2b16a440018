import { setTimeout as delay } from "node:timers/promises";
import type { PostgresHost, PostgresHosts } from "../core/postgres-hosts.js";
import type { WritableServer } from "./choose-primary.js";
import { askIdentity } from "./find-primary.js";

/**
 * How often a host that is not in use is asked whether it takes writes, in ms. It costs a connection each time. What is
 * written to a primary after another server was promoted is lost, so it is not to be long.
 */
const ASK_EVERY_MS = 2000;

/**
 * Asks the hosts that are not in use, each on its own, and calls `onWritable` for each that takes writes. Answers how to
 * stop that; it does not keep the process alive.
 */
export function watchHosts(
  hosts: PostgresHosts,
  isInUse: (host: PostgresHost) => boolean,
  onWritable: (server: WritableServer) => void,
): () => void {
  const stopped = new AbortController();
  const { signal } = stopped;
  const watch = async (host: PostgresHost) => {
    while (!signal.aborted) {
      await delay(ASK_EVERY_MS, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted || isInUse(host)) continue;
      const server = await askIdentity(hosts, host, signal).catch(() => undefined);
      if (server && !signal.aborted) onWritable({ host, server });
    }
  };
  for (const host of hosts.hosts) void watch(host);
  return () => stopped.abort();
}
