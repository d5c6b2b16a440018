import type { AdmissionSettings } from "./admission.js";
import type { UnreadCallsSettings } from "./unread-calls.js";

/** The limits and timers of the gRPC edge. Every one bounds something grpc-js leaves unbounded or off. */
export interface RpcSettings extends AdmissionSettings, UnreadCallsSettings {
  /** Heavy calls worked on at a time. */
  readonly maxHeavyCalls: number;
  /** How many of those may be one tenant's; its others wait. */
  readonly maxHeavyCallsPerTenant: number;
  /** Bytes of one received message. Bounds what one caller can make the server buffer and decode. 4 MiB. */
  readonly maxReceiveBytes: number;
  /** Bytes of one sent message. Clients refuse more than 4 MiB unless told otherwise; grpc-js sends any size. */
  readonly maxSendBytes: number;
  /**
   * Bytes of a stream's answers that may wait for a slow reader before its handler is paused. Memory per
   * stream is this and one message. 256 KiB keeps a fast reader busy between two turns of the event loop.
   */
  readonly writeBufferBytes: number;
  /** Connections at a time; the next is closed as it comes. Each costs memory and a file, whether it says anything or not. */
  readonly maxConnections: number;
  /**
   * Milliseconds in which the message of a call must come, or 64 KiB more of it. Of a streaming method that is the
   * first message alone.
   */
  readonly messageTimeoutMs: number;
  /** Calls at a time whose message has not come; each may hold as much of it as came. */
  readonly maxAwaitedMessages: number;
  /** How many of those may be one tenant's. */
  readonly maxAwaitedMessagesPerTenant: number;
  /** Streams at a time, of all connections. */
  readonly maxStreams: number;
  /** How many of those may be one tenant's. */
  readonly maxStreamsPerTenant: number;
  /** Calls at a time on one connection; the client queues the rest. 1000: a runaway client cannot open 2^31. */
  readonly maxConcurrentStreams: number;
  /** Milliseconds of silence before the server pings. Off in grpc-js; without it a vanished peer holds its streams for ever. */
  readonly keepaliveTimeMs: number;
  /** Milliseconds to wait for the answer to a ping before the connection is dropped. */
  readonly keepaliveTimeoutMs: number;
  /** Milliseconds a connection may live before it is drained, ±10 %; Infinity is for ever. Spreads load over servers that came later. */
  readonly maxConnectionAgeMs: number;
  /** Milliseconds that calls on a connection past its age may take to finish; Infinity is for ever. */
  readonly maxConnectionAgeGraceMs: number;
  /** MiB of HTTP/2 state per connection, Infinity for no limit. Node refuses new streams at the limit, so it must exceed the sum of all window and write buffers. */
  readonly maxSessionMemoryMiB: number;
  /**
   * Milliseconds between health saying NOT_SERVING and the drain of connections, for balancers that poll health. All
   * calls are served until then. 0 where nobody polls.
   */
  readonly drainAnnounceMs: number;
}
