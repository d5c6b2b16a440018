import { errorText } from "../core/errors.js";
import { formatHost, type PostgresHosts } from "../core/postgres-hosts.js";
import { NoPrimaryError } from "./no-primary-error.js";

/** That no host of a URL can be used. @param failures why, one for each host, in their order. */
export function noHostError({ hosts, target }: PostgresHosts, failures: readonly unknown[]): NoPrimaryError {
  const wanted = target === "any" ? "accepts connections" : "takes writes";
  const reasons = hosts.map((host, i) => {
    const error = failures[i];
    if (error instanceof NoPrimaryError) return error.message;
    const text = error instanceof AggregateError ? error.errors.map(errorText).join(", ") : errorText(error);
    return `${formatHost(host)}: ${text}`;
  });
  const isReadOnly = failures.some(
    (error) => error instanceof NoPrimaryError && error.reason === "read-only",
  );
  return new NoPrimaryError(
    `no server of the database URL ${wanted}: ${reasons.join("; ")}`,
    isReadOnly ? "read-only" : "unreachable",
  );
}
