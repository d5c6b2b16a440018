import { absurdTimeouts } from "./absurd-timeouts.js";
import type { Abuse } from "./abuse.js";
import { cancelledAtOnce } from "./cancelled-at-once.js";
import { statesInParallel, vectorSearches } from "./costly-reads.js";
import { floodedConnections } from "./flooded-connections.js";
import { halfCalls } from "./half-calls.js";
import { hostileSchemas } from "./hostile-schemas.js";
import { hugeCounts } from "./huge-counts.js";
import { unreadStreams } from "./unread-streams.js";

/** In turn. Absurd durations and page sizes are in the messages that are made from the descriptors. */
export const abuses: readonly Abuse[] = [
  hostileSchemas,
  hugeCounts,
  absurdTimeouts,
  vectorSearches,
  hostileSchemas,
  hugeCounts,
  halfCalls,
  statesInParallel,
  unreadStreams,
  cancelledAtOnce,
  floodedConnections,
];
