/** The environment of the process of an export or import. */
export type TaskEnvironment = Readonly<Record<string, string>>;

/** What such a process is given of the server's environment, each with its reason. */
const NAMES: ReadonlySet<string> = new Set([
  // Where Postgres clients look for their password file, and the user they connect as where a URL names none.
  "HOME",
  "USER",
  // Times in older files may name no zone: both processes must read them alike.
  "TZ",
  // Certificate authorities for TLS connections to Postgres.
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
]);
/** The settings of Postgres clients: PGPASSWORD, PGPASSFILE, PGSSLMODE and others. */
const POSTGRES_PREFIX = "PG";

/**
 * What the processes of exports and imports need of the server's environment. All else is for the server alone:
 * NODE_OPTIONS with `--inspect` or `--require` would open a port, or fail, in each of them.
 */
export function taskEnvironment(env: NodeJS.ProcessEnv): TaskEnvironment {
  const kept = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && (NAMES.has(name) || name.startsWith(POSTGRES_PREFIX)) ? [[name, value]] : [],
  );
  return Object.freeze(Object.fromEntries(kept));
}
