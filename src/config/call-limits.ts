import { count, milliseconds } from "../core/setting.js";

const SECOND = 1000;

/** Settings of what the calls of one tenant, and of all, may hold of the server beside being served. */
export const callLimits = {
  maxHeavyCalls: count(
    "HOLDFAST_MAX_HEAVY_CALLS",
    8,
    "lists, searches and the like worked on at a time, the rest wait in turns; half of the database connections, so that writers find one",
    1,
  ),
  maxHeavyCallsPerTenant: count(
    "HOLDFAST_MAX_HEAVY_CALLS_PER_TENANT",
    4,
    "of those one tenant's; its others wait, and another tenant's do not wait for them",
    1,
  ),
  messageTimeoutMs: milliseconds(
    "HOLDFAST_MESSAGE_TIMEOUT_MS",
    10 * SECOND,
    "how long a call may take to send its message, or the first of a stream, in ms; each 64 KiB of it that come give as much time again",
  ),
  maxAwaitedMessages: count(
    "HOLDFAST_MAX_AWAITED_MESSAGES",
    256,
    "calls at a time whose message has not come with their headers; each may hold up to a message, 1 GiB in all",
  ),
  maxAwaitedMessagesPerTenant: count(
    "HOLDFAST_MAX_AWAITED_MESSAGES_PER_TENANT",
    64,
    "of those one tenant's; as many callers as are served at a time may all have a thin link",
  ),
  maxStreams: count(
    "HOLDFAST_MAX_STREAMS",
    32_768,
    "streams open at a time; some 30 KiB each while idle, 1 GiB in all",
  ),
  maxStreamsPerTenant: count(
    "HOLDFAST_MAX_STREAMS_PER_TENANT",
    16_384,
    "of those one tenant's, so that another finds room",
  ),
} as const;
