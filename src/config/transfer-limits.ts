import { bytes, count, milliseconds } from "../core/setting.js";

const GIB = 1024 ** 3;
const MINUTE = 60_000;

/** Settings of exports and imports over gRPC. */
export const transferLimits = {
  importsKeepDays: count(
    "HOLDFAST_IMPORTS_KEEP_DAYS",
    30,
    "days that copies of imports over gRPC are kept; what `holdfast import` keeps is never removed",
  ),
  importsMaxBytes: bytes(
    "HOLDFAST_IMPORTS_MAX_BYTES",
    16 * GIB,
    "bytes of those copies in all; past it the oldest are removed first; room for two imports of the largest size",
  ),
  maxExports: count(
    "HOLDFAST_MAX_EXPORTS",
    4,
    "exports over gRPC at a time; more are rejected as OVERLOADED; each has a copy on disk and, while it is written, a process and a database connection",
  ),
  maxExportsPerTenant: count(
    "HOLDFAST_MAX_EXPORTS_PER_TENANT",
    2,
    "of those, exports of one tenant; fewer than of the server, so that another tenant finds one",
  ),
  maxImports: count(
    "HOLDFAST_MAX_IMPORTS",
    4,
    "imports over gRPC at a time; more are rejected as OVERLOADED; each has, once its files were received, a process and five database connections",
  ),
  maxImportsPerTenant: count(
    "HOLDFAST_MAX_IMPORTS_PER_TENANT",
    1,
    "of those, imports of one tenant, which would wait for each other",
  ),
  maxTransferBytes: bytes(
    "HOLDFAST_MAX_TRANSFER_BYTES",
    32 * GIB,
    "bytes on disk of exports and imports over gRPC under way; an import has its files twice, its databases three times, and a call may send 8 GiB",
  ),
  transferPatienceMs: milliseconds(
    "HOLDFAST_TRANSFER_PATIENCE_MS",
    2 * MINUTE,
    "how long the caller of an export or import may take for 256 KiB, in ms; 2 KiB/s, less than any network gives",
  ),
  transferTimeLimitMs: milliseconds(
    "HOLDFAST_TRANSFER_TIME_LIMIT_MS",
    6 * 60 * MINUTE,
    "how long writing an export or importing received files may take, in ms; the largest take about an hour",
  ),
  transferMemoryMiB: count(
    "HOLDFAST_TRANSFER_MEMORY_MIB",
    512,
    "heap of the process that does it, in MiB; a value of 16 MiB takes most of that",
  ),
} as const;
