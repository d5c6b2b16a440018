/** Postgres settings by name, as strings in Postgres' own units. */
export type PostgresSettings = Readonly<Record<string, string>>;

/** The port is only part of the socket's file name: nothing listens on it. */
export const SOCKET_PORT = 5432;

/**
 * What every embedded Postgres runs with, unless the caller says otherwise.
 * They are given on the command line, so they follow the code, not the data.
 */
export const DEFAULT_SETTINGS: PostgresSettings = Object.freeze({
  // What was acknowledged is on disk.
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  // A quarter of what a small machine has to spare; the page cache does the rest.
  shared_buffers: "192MB",
  max_connections: "100",
  // Fewer checkpoints under sustained ingest; at most this much recovery after a crash.
  checkpoint_timeout: "15min",
  max_wal_size: "2GB",
  min_wal_size: "256MB",
  // Compiling pays off for long analytical queries only, and costs tens of milliseconds.
  jit: "off",
  timezone: "UTC",
  // A log file per weekday, so a week of them at most.
  logging_collector: "on",
  log_directory: "log",
  log_filename: "postgresql-%a.log",
  log_rotation_age: "1d",
  log_rotation_size: "0",
  log_truncate_on_rotation: "on",
  log_timezone: "UTC",
  log_checkpoints: "off",
  // Terse leaves out DETAIL and CONTEXT, which quote rows: payloads are not for logs.
  log_error_verbosity: "terse",
  log_min_error_statement: "panic",
});

/** Ours alone: who may connect, and where, is no setting. */
export function connectionSettings(socketDirectory: string, version: string): PostgresSettings {
  return {
    listen_addresses: "",
    port: String(SOCKET_PORT),
    unix_socket_directories: socketDirectory,
    unix_socket_permissions: "0700",
    cluster_name: `holdfast ${version}`,
  };
}

/** `-c name=value` for each, later ones winning. */
export function settingArguments(...settings: readonly PostgresSettings[]): string[] {
  const merged: PostgresSettings = Object.assign({}, ...settings);
  return Object.entries(merged).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
