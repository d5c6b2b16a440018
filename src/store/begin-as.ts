/**
 * How long a transaction that holds locks may wait for its server. One that stands still, or whose machine is gone
 * without a word, must not keep the others from writing; the flush of one that was only slow is tried again.
 */
const LONGEST_IDLE_MS = 5000;

/**
 * How long a write waits for a lock, in ms. Whoever holds the lock of a log commits within milliseconds, and is ended when it
 * stands idle for LONGEST_IDLE_MS. So a wait of twice that time is for a COMMIT that waits for a standby, which may take
 * hours. A write whose caller has given up must not stay there as long: each one keeps a session of Postgres.
 */
export const LOCK_TIMEOUT_MS = 2 * LONGEST_IDLE_MS;

/**
 * How rows are found by key: by plans that are made once, whatever is asked for. By the value of a tenant that came after
 * Postgres made its statistics there are no rows: then any index that begins with the tenant is as good as its key, and all
 * that the tenant has was read for each row. Such a plan may also be made while there are hardly any rows, for which an
 * index looks dear.
 */
const BY_KEY = "; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off";

/**
 * Statements that begin a transaction as one tenant, which must be a UUID. One that
 * only reads does so as a role that may call no routine of the append path; one
 * that writes finds what it reads by key.
 */
export function beginAs(tenantId: string, mode: "READ ONLY" | "READ WRITE", byKey = false): string {
  // What writes does not insist: of a database that was told to be read-only it says so, however it writes.
  const [isolation, role] =
    mode === "READ ONLY"
      ? ["REPEATABLE READ READ ONLY", "holdfast_runtime"]
      : ["READ COMMITTED", "holdfast_writer"];
  const locking =
    mode === "READ ONLY"
      ? ""
      : `; SET LOCAL idle_in_transaction_session_timeout = ${LONGEST_IDLE_MS}; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`;
  const planning = byKey || mode === "READ WRITE" ? BY_KEY : "";
  // SET takes no parameters. A tenant id is a UUID by the time it is in a principal.
  return (
    `BEGIN ISOLATION LEVEL ${isolation}; SET LOCAL ROLE ${role}; ` +
    `SET LOCAL timezone = 'UTC'; SET LOCAL holdfast.tenant = '${tenantId}'${locking}${planning}`
  );
}
