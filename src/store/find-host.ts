import type { PostgresHost, PostgresHosts } from "../core/postgres-hosts.js";
import { askHost } from "./ask-host.js";
import { noHostError } from "./no-host-error.js";

/** How long one server may take to answer before the next one is asked as well, in ms: a failover must not wait for a server that is gone without a word. */
const HEAD_START_MS = 500;

/**
 * Asks the hosts of a URL, in their order, for the first that accepts connections.
 *
 * @throws NoPrimaryError that says of each host why it was not chosen.
 */
export function findHost(hosts: PostgresHosts): Promise<PostgresHost> {
  const ask = (host: PostgresHost) => askHost(hosts, host, async () => {});
  return firstOf(hosts.hosts, ask, (failures) => noHostError(hosts, failures));
}

/** The first that passes. The next is asked when the one before failed, or has not answered in time. */
function firstOf<T>(
  candidates: readonly T[],
  ask: (candidate: T) => Promise<void>,
  noneOf: (failures: readonly unknown[]) => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const failures: unknown[] = [];
    let asked = 0;
    let failed = 0;
    let isFound = false;
    let timer: NodeJS.Timeout | undefined;
    const askNext = () => {
      clearTimeout(timer);
      const index = asked;
      if (isFound || index >= candidates.length) return;
      asked += 1;
      const candidate = candidates[index] as T;
      timer = setTimeout(askNext, HEAD_START_MS);
      ask(candidate).then(
        () => {
          isFound = true;
          clearTimeout(timer);
          resolve(candidate);
        },
        (error: unknown) => {
          failures[index] = error;
          failed += 1;
          askNext();
          if (failed < candidates.length) return;
          clearTimeout(timer);
          reject(noneOf(failures));
        },
      );
    };
    askNext();
  });
}
