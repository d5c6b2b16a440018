import { count, milliseconds } from "../core/setting.js";

const MIB = 1024 * 1024;
const SECOND = 1000;

/** The settings of answers that clients do not read. */
export const unreadLimits = {
  maxTenantUnsentBytes: count(
    "HOLDFAST_MAX_TENANT_UNSENT_BYTES",
    32 * MIB,
    "bytes of answers that the clients of one tenant have not read; past it its subscriptions wait and its large unary answers are OVERLOADED; enough for 500 pages",
  ),
  maxUnsentBytes: count(
    "HOLDFAST_MAX_UNSENT_BYTES",
    128 * MIB,
    "bytes of those of all tenants; past it tenants above their fair share wait",
  ),
  stalledReaderMs: milliseconds(
    "HOLDFAST_STALLED_READER_MS",
    10 * SECOND,
    "how long a client may read nothing while its tenant is at that limit, in ms; then its call is ended, so that others of the tenant are served",
  ),
  unreadTimeoutMs: milliseconds(
    "HOLDFAST_UNREAD_TIMEOUT_MS",
    5 * 60 * SECOND,
    "how long a client may read nothing of an answer in any case, in ms; longer than most consumers take for one page",
  ),
} as const;
