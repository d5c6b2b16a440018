import { callLimits } from "./config/call-limits.js";
import { type TaskEnvironment, taskEnvironment } from "./config/task-environment.js";
import { transferLimits } from "./config/transfer-limits.js";
import { unreadLimits } from "./config/unread-limits.js";
import { workerLimits } from "./config/worker-limits.js";
import {
  autoFlag,
  choice,
  count,
  flag,
  milliseconds,
  port,
  type Setting,
  text,
  url,
} from "./core/setting.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;

/** Every setting of the server. */
export const settings = {
  databaseUrl: url(
    "DATABASE_URL",
    "",
    "Postgres 15 to 18 to use; several servers as host1:5432,host2:5432 with target_session_attrs=read-write; empty starts the embedded one",
  ),
  databaseListenUrl: url(
    "HOLDFAST_DATABASE_LISTEN_URL",
    "",
    "a direct connection for LISTEN, where DATABASE_URL leads through PgBouncer; empty uses DATABASE_URL",
  ),
  migrate: flag(
    "HOLDFAST_MIGRATE",
    true,
    "bring the database to this version when starting; turned off, `holdfast migrate up` does, and the user of DATABASE_URL need own nothing: see SECURITY.md",
  ),
  dataDirectory: text("HOLDFAST_DATA", "PATH", ".holdfast", "where the embedded Postgres keeps its data"),
  importsDirectory: text(
    "HOLDFAST_IMPORTS",
    "PATH",
    "holdfast-imports",
    "where imports keep copies of what they were given, each in a folder of its own, and exports lie while they are sent",
  ),
  ...transferLimits,
  databaseConnections: count(
    "HOLDFAST_DATABASE_CONNECTIONS",
    16,
    "connections held at most; two cores serve no more at once",
  ),
  connectTimeoutMs: milliseconds(
    "HOLDFAST_DATABASE_CONNECT_TIMEOUT_MS",
    5 * SECOND,
    "wait for a connection, in ms",
  ),
  statementTimeoutMs: milliseconds(
    "HOLDFAST_DATABASE_STATEMENT_TIMEOUT_MS",
    30 * SECOND,
    "how long one read may run, and the answer to one write is waited for, in ms; all of them are meant to take milliseconds",
  ),
  databaseProbeIntervalMs: milliseconds(
    "HOLDFAST_DATABASE_PROBE_INTERVAL_MS",
    250,
    "how often a heartbeat is written to the database, in ms: one small row; health says NOT_SERVING within 2 s if that fails",
  ),
  preparedStatements: autoFlag(
    "HOLDFAST_DATABASE_PREPARED_STATEMENTS",
    "prepare statements by name; auto does unless a pooler such as PgBouncer is in between, since not all of them support it",
  ),

  grpcHost: text("HOLDFAST_GRPC_HOST", "HOST", "127.0.0.1", "address of the gRPC service"),
  grpcPort: port("HOLDFAST_GRPC_PORT", 4650, "port of the gRPC service; 0 takes a free one"),
  httpHost: text("HOLDFAST_HTTP_HOST", "HOST", "127.0.0.1", "address of metrics and liveness"),
  httpPort: port("HOLDFAST_HTTP_PORT", 4651, "port of metrics and liveness; 0 takes a free one"),
  tlsCertFile: text("HOLDFAST_TLS_CERT", "FILE", "", "PEM file of the certificate chain"),
  tlsKeyFile: text("HOLDFAST_TLS_KEY", "FILE", "", "PEM file of its private key"),
  tlsClientCaFile: text(
    "HOLDFAST_TLS_CLIENT_CA",
    "FILE",
    "",
    "PEM file of the CA that client certificates must be from",
  ),
  tokensFile: text(
    "HOLDFAST_TOKENS",
    "FILE",
    "",
    "JSON file of the bearer tokens that may call, by SHA-256; see SECURITY.md",
  ),
  insecure: flag(
    "HOLDFAST_ALLOW_INSECURE_NETWORK",
    false,
    "serve beyond loopback without TLS or without tokens, for example behind a proxy that has both",
  ),

  maxReceiveBytes: count(
    "HOLDFAST_MAX_MESSAGE_BYTES",
    4 * MIB,
    "bytes of one message received; gRPC's own default",
  ),
  maxBytesPerEntry: count(
    "HOLDFAST_MAX_ENTRY_BYTES",
    MIB,
    "bytes of one entry; larger content belongs in an object store",
  ),
  maxEntriesPerBatch: count(
    "HOLDFAST_MAX_BATCH_ENTRIES",
    500,
    "entries of one batch; it is acknowledged as a whole, and more makes Postgres no faster",
  ),
  maxInFlightBatches: count(
    "HOLDFAST_MAX_IN_FLIGHT_BATCHES",
    16,
    "unanswered batches of one stream; enough to cover a flush and the way there and back",
  ),
  maxInFlightBytes: count("HOLDFAST_MAX_IN_FLIGHT_BYTES", 8 * MIB, "bytes of those"),
  maxFlushEntries: count(
    "HOLDFAST_MAX_FLUSH_ENTRIES",
    1000,
    "entries written in one transaction; past it latency grows and throughput does not",
  ),
  maxFlushBytes: count(
    "HOLDFAST_MAX_FLUSH_BYTES",
    8 * MIB,
    "bytes of entries, and as many of the rows that they change, in one transaction; one larger entry is stored too",
  ),
  maxWaitingEntries: count(
    "HOLDFAST_MAX_WAITING_ENTRIES",
    20_000,
    "entries of one tenant that may wait; about a quarter second of work",
  ),
  maxWaitingBytes: count("HOLDFAST_MAX_WAITING_BYTES", 64 * MIB, "bytes of those"),
  deniedCallsDelayMs: milliseconds(
    "HOLDFAST_DENIED_CALLS_DELAY_MS",
    1 * SECOND,
    "how long the first denied call of a kind waits to be audited with others like it, in ms; then twice as long each time",
  ),
  deniedCallsMaxDelayMs: milliseconds(
    "HOLDFAST_DENIED_CALLS_MAX_DELAY_MS",
    10 * 60 * SECOND,
    "how long denied calls of a kind that goes on wait at most, in ms; those of as long are lost when the server is killed",
  ),

  checkpointIntervalMs: milliseconds(
    "HOLDFAST_CHECKPOINT_INTERVAL_MS",
    10 * SECOND,
    "silence after which a subscriber is told how far it is, in ms",
  ),
  maxRecentChanges: count(
    "HOLDFAST_MAX_RECENT_CHANGES",
    8192,
    "recent changes of each followed tenant kept in memory",
  ),
  maxRecentBytes: count("HOLDFAST_MAX_RECENT_BYTES", 16 * MIB, "bytes of those"),
  maxPageChanges: count("HOLDFAST_MAX_PAGE_CHANGES", 500, "events in one message to a subscriber"),
  maxPageBytes: count(
    "HOLDFAST_MAX_PAGE_BYTES",
    MIB,
    "bytes of those, but for a single larger one; well under what clients receive",
  ),
  maxPagePositions: count(
    "HOLDFAST_MAX_PAGE_POSITIONS",
    100_000,
    "positions one filtered read passes over; bounds the time of a query whose filter matches little",
  ),
  ...unreadLimits,
  hintIntervalMs: milliseconds(
    "HOLDFAST_HINT_INTERVAL_MS",
    20,
    "time between hints to other servers, in ms; each NOTIFY takes a lock of the whole cluster",
  ),
  pollIntervalMs: milliseconds(
    "HOLDFAST_POLL_INTERVAL_MS",
    1 * SECOND,
    "how often followed logs are looked at, in ms, should a hint be lost",
  ),

  workingMemoryCapacity: count(
    "HOLDFAST_WORKING_MEMORY_CAPACITY",
    10,
    "working memories of a session, or of an agent outside any; with one more the oldest becomes episodic",
  ),
  memoryHalfLifeHours: count(
    "HOLDFAST_MEMORY_HALF_LIFE_HOURS",
    7 * 24,
    "age at which a memory's recency counts half in a search; a week tells this task from the last; 0 counts none",
  ),
  memoryAccessIntervalMs: milliseconds(
    "HOLDFAST_MEMORY_ACCESS_INTERVAL_MS",
    5 * SECOND,
    "how long finding memories may wait to be counted with other searches, in ms",
  ),
  memorySweepIntervalMs: milliseconds(
    "HOLDFAST_MEMORY_SWEEP_INTERVAL_MS",
    60 * SECOND,
    "how often expired memories are deleted, in ms; they are not served meanwhile; 0 is never",
  ),

  drainTimeoutMs: milliseconds(
    "HOLDFAST_DRAIN_TIMEOUT_MS",
    10 * SECOND,
    "how long calls in flight may take to finish once a server that stops refuses new ones, in ms",
  ),
  drainAnnounceMs: milliseconds(
    "HOLDFAST_DRAIN_ANNOUNCE_MS",
    0,
    "how long a server that stops says NOT_SERVING and serves on, in ms; then it sends GOAWAY and tells streams to move; for balancers that poll health",
  ),
  maxConnections: count(
    "HOLDFAST_MAX_CONNECTIONS",
    16_384,
    "connections at a time, the next is closed as it comes; some 30 KiB each, half a GiB, and a file",
  ),
  maxConcurrentStreams: count(
    "HOLDFAST_MAX_CONCURRENT_STREAMS",
    1000,
    "calls at a time on one connection, the rest wait at the client; a runaway one cannot open 2^31",
  ),
  maxCallsInFlight: count(
    "HOLDFAST_MAX_CALLS_IN_FLIGHT",
    128,
    "unary calls served at a time, of one tenant half of them; more is overload, and would only wait",
  ),
  overloadedCallsInFlight: count(
    "HOLDFAST_OVERLOADED_CALLS_IN_FLIGHT",
    40,
    "unary calls served at a time during overload, of one tenant half of them; 20 keep two cores busy",
  ),
  ...callLimits,
  ...workerLimits,
  keepaliveTimeMs: milliseconds(
    "HOLDFAST_KEEPALIVE_TIME_MS",
    30 * SECOND,
    "silence after which a client is asked whether it is there, in ms; shorter than most balancers' patience",
  ),
  keepaliveTimeoutMs: milliseconds(
    "HOLDFAST_KEEPALIVE_TIMEOUT_MS",
    10 * SECOND,
    "how long it may take to answer before its connection is dropped, in ms",
  ),
  maxConnectionAgeMs: milliseconds(
    "HOLDFAST_MAX_CONNECTION_AGE_MS",
    0,
    "age at which a connection gets a GOAWAY and its streams are told to move, in ms; what has not ended after the drain timeout is cut; 0 is never",
  ),
  logLevel: choice(
    "HOLDFAST_LOG_LEVEL",
    "warn",
    ["trace", "debug", "info", "warn", "error", "silent"],
    "what is logged, as JSON lines on stderr and never with payloads; quiet, so that a warning is seen",
  ),
} as const;

/** The value of every setting, and what processes of the server are given of its environment. */
export type Config = { readonly [K in keyof typeof settings]: (typeof settings)[K]["fallback"] } & {
  readonly taskEnvironment: TaskEnvironment;
};

/** One or more settings that cannot be used; each line of the message names one. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * The settings from environment variables, above them command-line `options` as
 * text by {@link optionOf}, above all `overrides`. Empty text is as good as none.
 *
 * @throws ConfigError naming every variable or option that is wrong.
 */
export function readConfig(
  env: NodeJS.ProcessEnv,
  overrides: Partial<Config> = {},
  options: Readonly<Record<string, string | undefined>> = {},
): Config {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings) as [string, Setting<unknown>][]) {
    const option = options[optionOf(setting)];
    const given = option ?? env[setting.env] ?? "";
    try {
      values[name] = given === "" ? setting.fallback : setting.parse(given);
    } catch (error) {
      const where = option === undefined ? setting.env : `--${optionOf(setting)}`;
      problems.push(`${where}: ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return Object.freeze({ ...values, taskEnvironment: taskEnvironment(env), ...overrides }) as Config;
}

/** Its name on the command line, without the dashes: "grpc-port" for HOLDFAST_GRPC_PORT. */
export function optionOf({ env }: Setting<unknown>): string {
  return env
    .replace(/^HOLDFAST_/, "")
    .toLowerCase()
    .replaceAll("_", "-");
}
