import type { ServerHttp2Session } from "node:http2";
import type { Server } from "@grpc/grpc-js";

/**
 * Bytes that one connection may send before they are read. HTTP/2 begins with 64 KiB, eight batches: then calls that
 * are served wait for the messages of calls that are refused, one turn of the event loop after the other. What is held
 * for each call is bounded as before, by the window of its own.
 */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

type SessionHandlerOf = (http2Server: unknown) => (session: ServerHttp2Session) => void;

/**
 * Lets more be under way on each connection of a server that has not begun to listen. grpc-js has no setting for it;
 * this method of its own makes what is told of each new connection.
 */
export function widenConnections(server: Server): void {
  const internals = server as unknown as { _channelzSessionHandler: SessionHandlerOf };
  const handlerOf = internals._channelzSessionHandler.bind(server);
  internals._channelzSessionHandler = (http2Server) => {
    const handle = handlerOf(http2Server);
    return (session) => {
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      handle(session);
    };
  };
}
