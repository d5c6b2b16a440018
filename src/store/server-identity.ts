import type pg from "pg";

/** Which Postgres server takes writes at the other end of a connection, and which history it writes. */
export interface ServerIdentity {
  /** The identifier of the database system; a standby has the one of its primary. */
  readonly system: string;
  /** A standby that is promoted begins a timeline with a higher number than its primary has. */
  readonly timeline: number;
  /** In seconds since 1970, with microseconds: two names that lead to one server are known by it. */
  readonly startTime: string;
}

// Every role may call these. The timeline is that of what is written now: `pg_control_checkpoint` has it only after the
// first checkpoint that follows a promotion.
const IDENTITY = `
SELECT (SELECT system_identifier::text FROM pg_control_system()),
  pg_walfile_name(pg_current_wal_lsn()),
  extract(epoch FROM pg_postmaster_start_time())::text`;

/** How many hexadecimal digits of the name of a WAL file are its timeline. */
const TIMELINE_DIGITS = 8;

/** Asks the server of this connection. @throws when it is a standby. */
export async function readServerIdentity(client: pg.ClientBase): Promise<ServerIdentity> {
  const { rows } = await client.query<[string, string, string]>({ text: IDENTITY, rowMode: "array" });
  const [system, walFile, startTime] = rows[0] ?? ["", "", ""];
  return { system, timeline: Number.parseInt(walFile.slice(0, TIMELINE_DIGITS), 16), startTime };
}

export function isSameServer(a: ServerIdentity, b: ServerIdentity): boolean {
  return a.system === b.system && a.startTime === b.startTime;
}

/** Whether `a` was promoted after `b` was. Of servers with nothing in common neither is newer. */
export function isNewer(a: ServerIdentity, b: ServerIdentity): boolean {
  return a.system === b.system && a.timeline > b.timeline;
}
