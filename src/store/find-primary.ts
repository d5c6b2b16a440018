import type pg from "pg";
import { formatHost, type PostgresHost, type PostgresHosts } from "../core/postgres-hosts.js";
import { ANSWER_TIMEOUT_MS, askHost } from "./ask-host.js";
import { checkTarget } from "./check-target.js";
import { choosePrimary, type WritableServer } from "./choose-primary.js";
import { noHostError } from "./no-host-error.js";
import { NoPrimaryError } from "./no-primary-error.js";
import { isNewer, readServerIdentity, type ServerIdentity } from "./server-identity.js";

/**
 * How long, once a server that takes writes has answered, the others are waited for, in ms: a failover must not wait for
 * a server that is gone without a word.
 */
const PATIENCE_MS = 500;

/** What was found before. */
export interface FoundBefore {
  /** The name in use; kept if it still leads to the server that is chosen. */
  readonly host: PostgresHost | undefined;
  /** The server that was written to last. One of a lower timeline is not used after it. */
  readonly server: ServerIdentity | undefined;
  /** Whether two servers took writes, neither of them newer. Then each is waited for in full. */
  readonly isConflicting: boolean;
}

/**
 * Asks all hosts of a URL at once, and chooses among those that take writes.
 *
 * @throws NoPrimaryError that says of each host why it was not chosen.
 */
export function findPrimary(hosts: PostgresHosts, before: FoundBefore): Promise<WritableServer> {
  return new Promise((resolve, reject) => {
    const writable: WritableServer[] = [];
    const failures: unknown[] = [];
    let remaining = hosts.hosts.length;
    let timer: NodeJS.Timeout | undefined;
    const decide = () => {
      clearTimeout(timer);
      if (writable.length === 0) return reject(noHostError(hosts, failures));
      try {
        resolve(choosePrimary(inOrder(writable, hosts, before)));
      } catch (error) {
        reject(error);
      }
    };
    hosts.hosts.forEach((host, i) => {
      askIdentity(hosts, host)
        .then((server) => {
          if (before.server && isNewer(before.server, server))
            throw replacedError(host, server, before.server);
          writable.push({ host, server });
          timer ??= setTimeout(decide, before.isConflicting ? ANSWER_TIMEOUT_MS : PATIENCE_MS);
        })
        .catch((error: unknown) => {
          failures[i] = error;
        })
        .finally(() => {
          remaining -= 1;
          if (remaining === 0) decide();
        });
    });
  });
}

/** Which server a host is. @throws NoPrimaryError when it does not take writes. */
export function askIdentity(
  hosts: PostgresHosts,
  host: PostgresHost,
  signal?: AbortSignal,
): Promise<ServerIdentity> {
  const ask = async (client: pg.ClientBase) => {
    await checkTarget(client, hosts.target, formatHost(host));
    return readServerIdentity(client);
  };
  return askHost(hosts, host, ask, signal);
}

/** The name in use first, then as the URL lists them. */
function inOrder(
  writable: readonly WritableServer[],
  { hosts }: PostgresHosts,
  { host: used }: FoundBefore,
): WritableServer[] {
  const rank = ({ host }: WritableServer) => (host === used ? -1 : hosts.indexOf(host));
  return [...writable].sort((a, b) => rank(a) - rank(b));
}

function replacedError(host: PostgresHost, { timeline }: ServerIdentity, by: ServerIdentity): NoPrimaryError {
  return new NoPrimaryError(
    `${formatHost(host)} is on timeline ${timeline}, which timeline ${by.timeline} has replaced; ` +
      "to go back to it, take the other servers out of the URL and restart Holdfast",
    "unreachable",
  );
}
