import type { Database } from "./database.js";

/** What a database says of itself; optional parts are absent where it does not know or may not tell. */
export interface StorageAnswer {
  readonly version: string;
  readonly totalBytes: bigint;
  readonly migrations: readonly { readonly name: string; readonly appliedAt: Date }[];
  readonly isReplica: boolean;
  /** What it has received and not replayed. */
  readonly replayLagBytes: bigint | undefined;
  readonly replayLagSeconds: number | undefined;
  readonly replicas: readonly ReplicaAnswer[];
  readonly extensions: readonly (readonly [name: string, version: string])[];
}

export interface ReplicaAnswer {
  readonly name: string;
  readonly state: string;
  readonly syncState: string;
  readonly replayLagBytes: bigint | undefined;
  readonly replayLagSeconds: number | undefined;
}

type StateAnswer = [
  version: string,
  totalBytes: bigint,
  isReplica: boolean,
  lagBytes: bigint | null,
  lagSeconds: number | null,
];
type ReplicaRow = [
  name: string,
  state: string,
  syncState: string,
  lagBytes: bigint | null,
  lagSeconds: number | null,
];

/** Asked as the server's own login, who may see more of the database than a tenant's reads may. */
export function readStorage(database: Database): Promise<StorageAnswer> {
  return database.readAll(async (run) => {
    const [[state], migrations, replicas, extensions] = await Promise.all([
      run<StateAnswer>(STATE),
      run<[name: string, appliedAt: string]>(
        `SELECT name, "timestamp" FROM holdfast.migrations ORDER BY "timestamp", name`,
      ),
      run<ReplicaRow>(REPLICAS),
      run<[string, string]>("SELECT extname::text, extversion FROM pg_extension ORDER BY extname"),
    ]);
    if (!state) throw new TypeError("the database's state is one row");
    const [version, totalBytes, isReplica, lagBytes, lagSeconds] = state;
    return {
      version,
      totalBytes,
      migrations: migrations.map(([name, appliedAt]) => ({ name, appliedAt: new Date(appliedAt) })),
      isReplica,
      replayLagBytes: lagBytes ?? undefined,
      replayLagSeconds: lagSeconds ?? undefined,
      replicas: replicas.map((replica) => ({
        name: replica[0],
        state: replica[1],
        syncState: replica[2],
        replayLagBytes: replica[3] ?? undefined,
        replayLagSeconds: replica[4] ?? undefined,
      })),
      extensions,
    };
  });
}

// The functions of a replica fail or mean nothing elsewhere, hence the CASEs.
const STATE = `
SELECT current_setting('server_version'), pg_database_size(current_database()), pg_is_in_recovery(),
  CASE WHEN pg_is_in_recovery()
    THEN pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint END,
  CASE WHEN pg_is_in_recovery()
    THEN extract(epoch FROM now() - pg_last_xact_replay_timestamp())::double precision END`;

const REPLICAS = `
SELECT coalesce(application_name, ''), coalesce(state, ''), coalesce(sync_state, ''),
  CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint END,
  extract(epoch FROM replay_lag)::double precision
FROM pg_stat_replication ORDER BY application_name`;
