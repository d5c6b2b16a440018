import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import type { Registry } from "prom-client";

export interface HttpServerOptions {
  readonly registry: Registry;
  /** Whether calls can be served now. One that throws is not ready, and the log says why. */
  readonly ready: () => boolean | Promise<boolean>;
  readonly logger: Logger;
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
  readonly body: string;
}

const LOOPBACK = "127.0.0.1";

/** What an operator's tools ask over HTTP: `/metrics`, `/livez` and `/readyz`. */
export function createHttpServer({ registry, ready, logger }: HttpServerOptions): HttpServer {
  const pages: Readonly<Record<string, () => Promise<Page>>> = {
    "/metrics": async () => ({ status: 200, type: registry.contentType, body: await registry.metrics() }),
    "/livez": async () => plain(200, "ok"),
    "/readyz": async () => ((await ready()) ? plain(200, "ok") : plain(503, "not ready")),
  };

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split("?", 1)[0] ?? "";
    const { status, type, body } = await pageFor(request.method, path);
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
    response.end(body);
  }

  async function pageFor(method: string | undefined, path: string): Promise<Page> {
    const page = method === "GET" && Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (!page) return plain(404, "not found");
    try {
      return await page();
    } catch (error) {
      logger.warn({ path, reason: error instanceof Error ? error.message : String(error) }, "page failed");
      return path === "/readyz" ? plain(503, "not ready") : plain(500, "internal error");
    }
  }

  const server = createServer((request, response) => {
    // Whoever asked may be gone before the answer is.
    respond(request, response).catch(() => response.destroy());
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
