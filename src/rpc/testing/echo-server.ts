import { Writable } from "node:stream";
import { type ClientOptions, credentials as clientCredentials, ServerCredentials } from "@grpc/grpc-js";
import { pino } from "pino";
import { Registry } from "prom-client";
import { onTestFinished } from "vitest";
import { anonymousAuthenticator } from "../anonymous-authenticator.js";
import type { Authenticator } from "../authenticate.js";
import type { RpcSettings } from "../rpc-settings.js";
import { createRpcServer, type RpcServer } from "../server.js";
import { defineService, type ServiceHandlers } from "../service.js";
import { EchoClient } from "./echo-client.js";
import { createEchoDescriptor, type EchoService } from "./echo-service.js";

export const TEST_SETTINGS: RpcSettings = {
  maxReceiveBytes: 4 * 1024 * 1024,
  maxSendBytes: 4 * 1024 * 1024,
  writeBufferBytes: 64 * 1024,
  maxUnsentBytes: 128 * 1024 * 1024,
  maxTenantUnsentBytes: 32 * 1024 * 1024,
  stalledReaderMs: 10_000,
  unreadTimeoutMs: 60_000,
  maxConnections: 1000,
  maxConcurrentStreams: 1000,
  maxCallsInFlight: 1000,
  overloadedCallsInFlight: 1000,
  maxHeavyCalls: 8,
  maxHeavyCallsPerTenant: 4,
  messageTimeoutMs: 10_000,
  maxAwaitedMessages: 1000,
  maxAwaitedMessagesPerTenant: 1000,
  maxStreams: 1000,
  maxStreamsPerTenant: 1000,
  keepaliveTimeMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  maxConnectionAgeMs: Number.POSITIVE_INFINITY,
  maxConnectionAgeGraceMs: Number.POSITIVE_INFINITY,
  maxSessionMemoryMiB: Number.POSITIVE_INFINITY,
  drainAnnounceMs: 0,
};

const ECHO: ServiceHandlers<EchoService> = {
  unary: async (request) => request,
  async *serverStream(request) {
    yield* [request, request];
  },
  async clientStream(requests) {
    let value = "";
    for await (const request of requests) value += request.value;
    return { value };
  },
  bidi: (requests) => requests,
  bytes: async (request) => request,
};

export interface EchoServerOptions {
  readonly handlers?: Partial<ServiceHandlers<EchoService>>;
  readonly settings?: Partial<RpcSettings>;
  readonly authenticate?: Authenticator;
  readonly client?: ClientOptions;
}

export interface EchoServer {
  readonly server: RpcServer;
  readonly client: EchoClient;
  /** host:port */
  readonly address: string;
  readonly metrics: Registry;
  /** The log so far, parsed. */
  readonly logLines: Record<string, unknown>[];
}

/** A server of EchoService on a port of its own and a client of it, both closed with the test. */
export async function startEchoServer(options: EchoServerOptions = {}): Promise<EchoServer> {
  const logLines: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, callback) {
      logLines.push(JSON.parse(chunk.toString()));
      callback();
    },
  });
  const metrics = new Registry();
  const server = createRpcServer({
    services: [defineService(createEchoDescriptor(), { ...ECHO, ...options.handlers })],
    authenticate: options.authenticate ?? anonymousAuthenticator(),
    logger: pino({ level: "debug" }, sink),
    metrics,
    settings: { ...TEST_SETTINGS, ...options.settings },
  });
  const { host, port } = await server.listen({
    host: "127.0.0.1",
    port: 0,
    credentials: ServerCredentials.createInsecure(),
  });
  const address = `${host}:${port}`;
  // A pool of its own: connections would else outlive the client and be shared by tests.
  const client = new EchoClient(address, clientCredentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    ...options.client,
  });
  onTestFinished(async () => {
    client.close();
    await server.close();
  });
  return { server, client, address, metrics, logLines };
}
