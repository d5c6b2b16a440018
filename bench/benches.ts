import { append1 } from "./append-1.js";
import type { Bench } from "./bench.js";
import { catchUp } from "./catch-up.js";
import { entityUpdate } from "./entity-update.js";
import { fanOut } from "./fan-out.js";
import { feedLatency } from "./feed-latency.js";
import { growth } from "./growth.js";
import { importBench } from "./import.js";
import { importKills } from "./import-kills.js";
import { ingest } from "./ingest.js";
import { ingestMany } from "./ingest-many.js";
import { ingestRedis } from "./ingest-redis.js";
import { overload } from "./overload.js";
import { overloadStreams } from "./overload-streams.js";
import { search } from "./search.js";
import { start } from "./start.js";
import { streams } from "./streams.js";

/** Every bench, in the order of the table. */
export const benches: readonly Bench[] = [
  ingest,
  ingestMany,
  ingestRedis,
  append1,
  entityUpdate,
  feedLatency,
  catchUp,
  overload,
  overloadStreams,
  search,
  importBench,
  importKills,
  growth,
  fanOut,
  streams,
  start,
];
