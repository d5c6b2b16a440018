import { formatHost, type PostgresHost } from "../core/postgres-hosts.js";
import { NoPrimaryError } from "./no-primary-error.js";
import { isNewer, isSameServer, type ServerIdentity } from "./server-identity.js";

/** A server that takes writes, and under which of its names it was asked. */
export interface WritableServer {
  readonly host: PostgresHost;
  readonly server: ServerIdentity;
}

/**
 * Of servers that all take writes, at least one, the one to write to: that of the highest timeline, under the first name
 * given for it.
 *
 * @throws NoPrimaryError when two servers have that timeline, or are of different database systems: each has a history
 * that the other lacks, and only an operator knows which one is to be kept.
 */
export function choosePrimary(servers: readonly WritableServer[]): WritableServer {
  const newest = servers.reduce((best, each) => (isNewer(each.server, best.server) ? each : best));
  const rival = servers.find(
    ({ server }) => !isSameServer(server, newest.server) && !isNewer(newest.server, server),
  );
  if (!rival) return newest;
  const withSystem = rival.server.system !== newest.server.system;
  const both = [newest, rival].map((each) => describe(each, withSystem)).join(" and ");
  throw new NoPrimaryError(
    `two servers of the database URL take writes and neither is the newer one: ${both}. Holdfast writes to neither. ` +
      "Stop one of them, or make it a standby of the other, or take it out of the URL and restart Holdfast",
    "conflicting",
  );
}

function describe({ host, server: { timeline, system } }: WritableServer, withSystem: boolean): string {
  return `${formatHost(host)} (${withSystem ? `system ${system}, ` : ""}timeline ${timeline})`;
}
