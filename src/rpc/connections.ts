import type { Http2Session, ServerHttp2Session } from "node:http2";
import type { Server as NetServer } from "node:net";
import type { Server } from "@grpc/grpc-js";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { LONGEST_TIMER_MS } from "../core/longest-timer.js";
import { closeDeadSessions } from "./close-dead-sessions.js";
import { Connection } from "./connection.js";

/**
 * Bytes that one connection may send before they are read. HTTP/2 begins with 64 KiB, eight batches: then calls that
 * are served wait for the messages of calls that are refused, one turn of the event loop after the other. What is held
 * for each call is bounded as before, by the window of its own.
 */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** Of the connections there may be, how many are too many to keep those that are dead. */
const CROWDED = 0.75;

/** Part of the maximum age by which connections differ, so that those opened together do not end together. */
const AGE_JITTER = 0.1;

export interface ConnectionBounds {
  /** Connections at a time; whoever comes when there are as many is disconnected at once. */
  readonly maxConnections: number;
  /** Milliseconds after which a connection is drained, ±10 %; Infinity is never. */
  readonly maxConnectionAgeMs: number;
  /** Milliseconds that calls on such a connection may take to finish; Infinity is for ever. */
  readonly maxConnectionAgeGraceMs: number;
  /** Told of each that is opened; what it returns is called when that one is closed. */
  readonly onOpened: () => () => void;
  /** Told of each that was disconnected. */
  readonly onDropped: () => void;
  /** Told how many dead connections were closed to make room. */
  readonly onCleared: (count: number) => void;
}

type SessionHandlerOf = (http2Server: NetServer) => (session: ServerHttp2Session) => void;

/** The connections of a server: how many there may be, what may be under way on each, how old each may become. */
export class Connections {
  readonly #bounds: ConnectionBounds;
  readonly #open = new Map<Http2Session, Connection>();
  #drainReason: HoldfastError | undefined;

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds;
  }

  /**
   * Watches over the connections of a server that has not begun to listen. grpc-js has settings for none of this but the
   * age, and tells no stream of that one. This method of its own makes what is told of each new connection, once for
   * each port.
   */
  guard(server: Server): void {
    const internals = server as unknown as { _channelzSessionHandler: SessionHandlerOf };
    const handlerOf = internals._channelzSessionHandler.bind(server);
    internals._channelzSessionHandler = (http2Server) => {
      const { maxConnections, onOpened, onDropped } = this.#bounds;
      http2Server.maxConnections = maxConnections;
      http2Server.on("connection", (socket) => socket.once("close", onOpened()));
      http2Server.on("drop", onDropped);
      const handle = handlerOf(http2Server);
      const clear = this.#clearer();
      return (session) => {
        session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
        this.#add(session);
        handle(session);
        clear();
      };
    };
  }

  /** The connection of a session of this server. */
  of(session: Http2Session | undefined): Connection | undefined {
    return session && this.#open.get(session);
  }

  /** Drains all connections, also those that were accepted and have not begun to speak. */
  drain(reason: HoldfastError): void {
    this.#drainReason = reason;
    for (const connection of [...this.#open.values()]) connection.drain(reason);
  }

  #add(session: ServerHttp2Session): void {
    const connection = new Connection(session);
    this.#open.set(session, connection);
    const forget = this.#endAtAge(session, connection);
    session.once("close", () => {
      this.#open.delete(session);
      forget();
    });
    if (this.#drainReason) connection.drain(this.#drainReason);
  }

  #endAtAge(session: ServerHttp2Session, connection: Connection): () => void {
    const { maxConnectionAgeMs, maxConnectionAgeGraceMs } = this.#bounds;
    // A timer takes Infinity for one millisecond.
    if (!Number.isFinite(maxConnectionAgeMs)) return () => {};
    const onAge = () => {
      connection.drain(agedError());
      if (session.destroyed || !Number.isFinite(maxConnectionAgeGraceMs)) return;
      timer = setTimeout(() => session.destroy(), maxConnectionAgeGraceMs).unref();
    };
    const ageMs = maxConnectionAgeMs * (1 + AGE_JITTER * (2 * Math.random() - 1));
    let timer = setTimeout(onAge, Math.min(ageMs, LONGEST_TIMER_MS)).unref();
    return () => clearTimeout(timer);
  }

  /**
   * What closes dead connections, once there are many: until then they count until the keepalive gives up on them. Where
   * that is under way already it does nothing.
   */
  #clearer(): () => void {
    const { maxConnections, onCleared } = this.#bounds;
    let isClearing = false;
    return () => {
      if (isClearing || this.#open.size < CROWDED * maxConnections) return;
      isClearing = true;
      // A session that ends while it is looked at throws; those that are left are looked at the next time.
      closeDeadSessions([...this.#open.keys()] as ServerHttp2Session[])
        .then((count) => count > 0 && onCleared(count))
        .catch(() => undefined)
        .finally(() => {
          isClearing = false;
        });
    };
  }
}

function agedError(): HoldfastError {
  return new HoldfastError(
    ErrorReason.SERVER_DRAINING,
    "this connection has reached its maximum age; connect again",
  );
}
