import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { HttpConnections } from "./http-connections.js";
import { HTTP_LIMITS, type HttpLimits } from "./http-limits.js";
import { createHttpMetrics } from "./http-metrics.js";
import { createMetricsPage } from "./metrics-page.js";
import { SlicedSocket } from "./sliced-socket.js";

export interface HttpServerOptions {
  readonly registry: Registry;
  /** Whether calls can be served now. One that throws is not ready, and the log says why. */
  readonly ready: () => boolean | Promise<boolean>;
  readonly logger: Logger;
  /** What clients may hold; `HTTP_LIMITS` where not given. */
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpServer {
  /**
   * Begins to accept requests, on loopback unless told otherwise: they are not authenticated. Port 0 is any that is free.
   *
   * @throws Node's own error, which names the address; its `code` is "EADDRINUSE" when the port is taken
   */
  listen(address: {
    readonly host?: string;
    readonly port: number;
  }): Promise<{ readonly host: string; readonly port: number }>;
  /** Stops at once. */
  close(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
}

const LOOPBACK = "127.0.0.1";
/** Milliseconds between two looks for requests that are late, so a late one is closed up to a second after its time. */
const LATE_CHECK_MS = 1000;
const METHODS: ReadonlySet<string | undefined> = new Set(["GET", "HEAD"]);
const REQUEST_TIMEOUT = 408;
const PIPELINED = "expected the next request after the answer to the one before it, got it earlier";

/**
 * What an operator's tools ask over HTTP: `/metrics`, `/livez` and `/readyz`.
 *
 * Requests on one connection are answered one at a time. A client that pipelines them gets one answer, 400, and the
 * connection is closed.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { registry, ready, logger } = options;
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const metricsPage = createMetricsPage(registry, limits.renderIntervalMs);
  const connections = new HttpConnections(limits.maxConnections);
  const metrics = createHttpMetrics(registry, () => connections.count);
  const pages: Readonly<Record<string, () => Promise<Page>>> = {
    "/metrics": async () => ({ status: 200, type: registry.contentType, body: await metricsPage() }),
    "/livez": async () => plain(200, "ok"),
    "/readyz": async () => ((await ready()) ? plain(200, "ok") : plain(503, "not ready")),
  };

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const connection = connectionOf(request);
    if (connection.destroyed || connection.isStopped) return;
    const unfinished = connections.answering(connection);
    if (unfinished) {
      refusePipelining(connection, unfinished);
      return;
    }
    connections.answer(connection, response);
    const late = setTimeout(() => {
      metrics.closed("late_answer");
      connection.destroy();
    }, limits.answerTimeoutMs);
    response.once("close", () => clearTimeout(late));
    // Whoever asked may be gone before the answer is.
    respond(request, response).catch(() => response.destroy());
  }

  function refusePipelining(connection: SlicedSocket, unfinished: ServerResponse): void {
    metrics.closed("pipelined");
    if (unfinished.headersSent) {
      // Half an answer cannot be taken back.
      connection.destroy();
      return;
    }
    connection.stopReading();
    const { status, type, body } = plain(400, PIPELINED);
    unfinished.writeHead(status, { "content-type": type, connection: "close" });
    unfinished.end(body);
  }

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split("?", 1)[0] ?? "";
    const { status, type, body } = await pageFor(request.method, path);
    if (response.headersSent || response.destroyed) return;
    response.writeHead(status, {
      "content-type": type,
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
      // A body that is still to come would be read to its end.
      ...(!request.complete && { connection: "close" }),
    });
    response.end(body);
  }

  async function pageFor(method: string | undefined, path: string): Promise<Page> {
    const page = METHODS.has(method) && Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (!page) return plain(404, "not found");
    try {
      return await page();
    } catch (error) {
      logger.warn({ path, reason: error instanceof Error ? error.message : String(error) }, "page failed");
      return path === "/readyz" ? plain(503, "not ready") : plain(500, "internal error");
    }
  }

  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: LATE_CHECK_MS,
  });
  // A request that expects something before its body is one like others; its body is not wanted.
  for (const event of ["request", "checkContinue", "checkExpectation"]) server.on(event, serve);
  server.on("clientError", ({ code }: NodeJS.ErrnoException, socket) => {
    const connection = socket as SlicedSocket;
    const status = statusOfParserError(code);
    if (!status) {
      connection.destroy();
      return;
    }
    metrics.closed(status === REQUEST_TIMEOUT ? "late_request" : "bad_request");
    connection.stopReading();
    const isAnswering = connections.answering(connection)?.headersSent;
    if (!isAnswering)
      connection.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
    connection.destroySoon();
  });
  acceptInSlices(server, (connection) => {
    const surplus = connections.add(connection);
    if (!surplus) return;
    metrics.closed("too_many");
    surplus.destroy();
  });
  return {
    async listen({ host = LOOPBACK, port }) {
      server.listen({ host, port });
      await once(server, "listening");
      return { host, port: (server.address() as AddressInfo).port };
    },
    async close() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function plain(status: number, text: string): Page {
  return { status, type: "text/plain; charset=utf-8", body: `${text}\n` };
}

/** Gives the server each of its connections as a SlicedSocket. */
function acceptInSlices(server: Server, onConnection: (connection: SlicedSocket) => void): void {
  // A client may end its side after its request, as `nc -N` does, and still wants the answer.
  Object.assign(server, { httpAllowHalfOpen: true });
  const [serve] = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const connection = new SlicedSocket(socket);
    onConnection(connection);
    if (!connection.destroyed) serve?.call(server, connection);
  });
}

function connectionOf(request: IncomingMessage): SlicedSocket {
  // Node declares any stream that it was given as a Socket.
  return request.socket as Duplex as SlicedSocket;
}

/** What a client is told that sent no valid request in time; undefined where the connection failed. */
function statusOfParserError(code: string | undefined): number | undefined {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return REQUEST_TIMEOUT;
  if (code === "HPE_HEADER_OVERFLOW") return 431;
  return code?.startsWith("HPE_") ? 400 : undefined;
}
