/** One server. `host` is a name, an address, or the directory of a Unix socket. */
export interface PostgresHost {
  readonly host: string;
  readonly port: number;
}

/** What a server must be to be used, in the words of libpq. */
export type TargetSession = "any" | "read-write" | "primary";

/** A connection URL, with its list of hosts taken apart as libpq does. */
export interface PostgresHosts {
  /** A URL that the driver can read. Where there are several hosts it names none of them. */
  readonly url: string;
  /** In the order given. Of a URL with one host or none, that host as far as it is named; it is for messages alone. */
  readonly hosts: readonly PostgresHost[];
  readonly target: TargetSession;
}

const TARGETS: readonly string[] = ["any", "read-write", "primary"] satisfies TargetSession[];
const DEFAULT_PORT = 5432;
const PARTS = /^(postgres(?:ql)?:\/\/)([^/?#]*)([^?#]*)(?:\?([^#]*))?/;
const HOST_AND_PORT = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/;

/**
 * Takes a URL such as `postgres://user@h1:5432,h2:5433/db?target_session_attrs=read-write` apart. The hosts may be
 * listed in the `host` and `port` parameters as well.
 *
 * @throws RangeError that says what was expected. It repeats nothing of what may hold a password.
 */
export function parsePostgresHosts(url: string): PostgresHosts {
  const [, scheme = "", authority = "", path = "", query = ""] = PARTS.exec(url) ?? [];
  const parameters = new URLSearchParams(query);
  const target = parameters.get("target_session_attrs") || "any";
  if (!TARGETS.includes(target)) {
    throw new RangeError(
      `target_session_attrs: expected one of ${TARGETS.join(", ")}, got ${JSON.stringify(target)}`,
    );
  }
  const at = authority.lastIndexOf("@") + 1;
  const listed = authority.slice(at).split(",").map(hostAndPort);
  const names = parameters.get("host")?.split(",") ?? listed.map((each) => each?.[0]);
  const ports = parameters.get("port")?.split(",") ?? listed.map((each) => each?.[1]);
  const isList = names.length > 1 || ports.length > 1;
  if (isList && (listed.includes(undefined) || !ports.every((each) => /^\d*$/.test(each ?? "")))) {
    throw new RangeError("expected a list of hosts such as host1:5432,host2:5432");
  }
  if (isList && ports.length !== 1 && ports.length !== names.length) {
    throw new RangeError(
      `expected one port, or as many as hosts, got ${ports.length} ports and ${names.length} hosts`,
    );
  }
  const hosts = names.map((host, i) => ({
    host: host || "localhost",
    port: Number((ports.length === 1 ? ports[0] : ports[i]) || DEFAULT_PORT),
  }));
  return {
    // The driver reads the URL of one host in its own way, environment variables included.
    url: isList ? withoutHosts(`${scheme}${authority.slice(0, at)}localhost${path}`, parameters) : url,
    hosts,
    target: target as TargetSession,
  };
}

/** A host and its port as messages name them. */
export function formatHost({ host, port }: PostgresHost): string {
  if (host.startsWith("/")) return host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function withoutHosts(url: string, parameters: URLSearchParams): string {
  const rest = new URLSearchParams(parameters);
  for (const name of ["host", "port", "target_session_attrs"]) rest.delete(name);
  return rest.size === 0 ? url : `${url}?${rest}`;
}

function hostAndPort(text: string): readonly [host: string, port: string] | undefined {
  const [whole, host = "", port = ""] = HOST_AND_PORT.exec(text) ?? [];
  if (whole === undefined) return undefined;
  try {
    return [decodeURIComponent(host.replace(/^\[(.*)\]$/, "$1")), port];
  } catch {
    return undefined;
  }
}
