import type { ServerHttp2Session } from "node:http2";
import type { Server as NetServer } from "node:net";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { Server } from "@grpc/grpc-js";

/**
 * Bytes that one connection may send before they are read. HTTP/2 begins with 64 KiB, eight batches: then calls that
 * are served wait for the messages of calls that are refused, one turn of the event loop after the other. What is held
 * for each call is bounded as before, by the window of its own.
 */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** Of the connections there may be, how many are too many to keep those that are dead. */
const CROWDED = 0.75;
/** Milliseconds a ping may wait to be sent. A client that reads at all makes room for it. */
const UNSENT_MS = 5000;
const PING = Buffer.alloc(8);
/** Pings sent in one turn of the event loop. */
const PINGS_A_TURN = 256;

export interface ConnectionBounds {
  /** Connections at a time; whoever comes when there are as many is disconnected at once. */
  readonly maxConnections: number;
  /** Told of each that is opened; what it returns is called when that one is closed. */
  readonly onOpened: () => () => void;
  /** Told of each that was disconnected. */
  readonly onDropped: () => void;
  /** Told how many dead connections were closed to make room. */
  readonly onCleared: (count: number) => void;
}

type SessionHandlerOf = (http2Server: NetServer) => (session: ServerHttp2Session) => void;

/**
 * Bounds how many connections there are, and what may be under way on each, of a server that has not begun to listen.
 * grpc-js has no settings for either; this method of its own makes what is told of each new connection, once for each
 * port.
 *
 * Node 20 does not notice that a client has gone whose frames ended the HTTP/2 session (data of stream 0, for one): it
 * counts until the keepalive gives up on it, or until room is scarce. Such a session sends nothing more, which a ping
 * tells.
 */
export function boundConnections(server: Server, bounds: ConnectionBounds): void {
  const internals = server as unknown as { _channelzSessionHandler: SessionHandlerOf };
  const handlerOf = internals._channelzSessionHandler.bind(server);
  internals._channelzSessionHandler = (http2Server) => {
    http2Server.maxConnections = bounds.maxConnections;
    http2Server.on("connection", (socket) => socket.once("close", bounds.onOpened()));
    http2Server.on("drop", bounds.onDropped);
    const handle = handlerOf(http2Server);
    const sessions = new Set<ServerHttp2Session>();
    let isClearing = false;
    return (session) => {
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      sessions.add(session);
      session.once("close", () => sessions.delete(session));
      handle(session);
      if (isClearing || sessions.size < CROWDED * bounds.maxConnections) return;
      isClearing = true;
      // A session that ends while it is looked at throws; those that are left are looked at the next time.
      closeDead([...sessions])
        .then((count) => count > 0 && bounds.onCleared(count))
        .catch(() => undefined)
        .finally(() => {
          isClearing = false;
        });
    };
  };
}

/** Closes the sessions that send nothing more. Returns how many. */
async function closeDead(sessions: readonly ServerHttp2Session[]): Promise<number> {
  for (const [i, session] of sessions.entries()) {
    if (!session.destroyed) session.ping(PING, () => undefined);
    if (i % PINGS_A_TURN === PINGS_A_TURN - 1) await nextTurn();
  }
  await delay(UNSENT_MS, undefined, { ref: false });
  const dead = sessions.filter((session) => !session.destroyed && (session.state.outboundQueueSize ?? 0) > 0);
  for (const session of dead) session.destroy();
  return dead.length;
}
