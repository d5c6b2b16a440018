import pg from "pg";
import { errorText } from "../core/errors.js";
import { formatHost, type PostgresHost, type PostgresHosts } from "../core/postgres-hosts.js";
import { checkTarget } from "./check-target.js";
import { leadTo } from "./lead-to.js";
import { NoPrimaryError } from "./no-primary-error.js";

/** How long one server may take to answer before the next one is asked as well, in ms: a failover must not wait for a server that is gone without a word. */
const HEAD_START_MS = 500;
/** How long one server is waited for, in ms; as long as a connection may take by default. */
const ANSWER_TIMEOUT_MS = 5000;

/**
 * Asks the hosts of a URL, in their order, for the first that is what `target_session_attrs` asks for. Each is asked on a
 * connection of its own, which is closed again.
 *
 * @throws NoPrimaryError that says of each host why it was not chosen.
 */
export function findHost({ url, hosts, target }: PostgresHosts): Promise<PostgresHost> {
  const ask = async (host: PostgresHost) => {
    const client = new pg.Client({
      connectionString: url,
      application_name: "holdfast look",
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
    });
    client.on("error", () => {});
    leadTo(client, host);
    try {
      await client.connect();
      await checkTarget(client, target, formatHost(host));
    } finally {
      void client.end().catch(() => {});
    }
  };
  return firstOf(hosts, ask, (failures) => {
    const wanted = target === "any" ? "accepts connections" : "takes writes";
    const reasons = failures.map((error, i) => reasonOf(hosts[i] as PostgresHost, error));
    const isReadOnly = failures.some((error) => error instanceof NoPrimaryError);
    return new NoPrimaryError(`no server of the database URL ${wanted}: ${reasons.join("; ")}`, isReadOnly);
  });
}

function reasonOf(host: PostgresHost, error: unknown): string {
  if (error instanceof NoPrimaryError) return error.message;
  const text = error instanceof AggregateError ? error.errors.map(errorText).join(", ") : errorText(error);
  return `${formatHost(host)}: ${text}`;
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
