import { setTimeout as delay } from "node:timers/promises";
import { Server, type ServerCredentials } from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { FairTurns } from "../core/fair-turns.js";
import { TenantTurns } from "../core/tenant-turns.js";
import type { CallAudits } from "../service/call-audits.js";
import { Admission } from "./admission.js";
import type { Authenticator } from "./authenticate.js";
import { type Address, bind } from "./bind.js";
import { createCallInterceptor } from "./call-interceptor.js";
import { CallLimit } from "./call-limit.js";
import { Connections } from "./connections.js";
import { explainUnknownMethods } from "./explain-unknown-methods.js";
import { Gate } from "./gate.js";
import { createHealth } from "./health.js";
import { sendLibraryLog } from "./library-log.js";
import { LiveCalls } from "./live-calls.js";
import { NewStreams } from "./new-streams.js";
import { createReflection } from "./reflection.js";
import { createRpcMetrics, type RpcMetrics } from "./rpc-metrics.js";
import type { RpcSettings } from "./rpc-settings.js";
import type { SecretGuard } from "./secret-guard.js";
import { toServerOptions } from "./server-options.js";
import type { RegisteredService } from "./service.js";
import { toServiceDefinition } from "./service-definition.js";
import { UnreadCalls } from "./unread-calls.js";
import { createUnreadMetrics } from "./unread-metrics.js";

export interface RpcServerOptions {
  /** Health and reflection come on their own. */
  readonly services: readonly RegisteredService[];
  readonly authenticate: Authenticator;
  /** Where denied and administrative calls are noted; nowhere without it. */
  readonly audits?: CallAudits;
  /** Every answer passes it; without it services must hold no secrets. */
  readonly secrets?: SecretGuard;
  readonly logger: Logger;
  /** Where the metrics of the calls are registered. */
  readonly metrics: Registry;
  readonly settings: RpcSettings;
}

export interface RpcServer {
  /** Begins to accept calls. @throws ListenError */
  listen(options: Address & { readonly credentials: ServerCredentials }): Promise<Address>;
  /** What health answers. NOT_SERVING until first told otherwise. */
  setServing(serving: boolean): void;
  /**
   * Stops without cutting anyone off. Health says NOT_SERVING, and all calls are served for as long as that is announced.
   * Then connections are refused and those there are get a GOAWAY, open streams are told to move, and calls in flight
   * finish. `timeoutMs` after the announcement those that have not are ended with SERVER_DRAINING. Resolves when
   * nothing is left.
   */
  drain(timeoutMs: number): Promise<void>;
  /** Stops at once, calls in flight ended with SERVER_DRAINING; cuts a drain short. */
  close(): Promise<void>;
}

// Milliseconds between two lines of the log about connections that were dropped.
const DROPS_SAID_EVERY_MS = 10_000;

// Milliseconds that statuses of calls ended by force have to reach their clients, and handlers to notice.
const FORCE_GRACE_MS = 500;

/** A gRPC server over these services, with health and reflection. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { authenticate, logger, settings } = options;
  sendLibraryLog(logger);
  const closing = new AbortController();

  const health = createHealth(options.services.map(({ descriptor }) => descriptor.typeName));
  const services = [...options.services, health.service];
  services.push(...createReflection(services.map(({ descriptor }) => descriptor)));

  const calls = new LiveCalls();
  const awaited = new CallLimit({
    what: "calls without their message",
    ofServer: settings.maxAwaitedMessages,
    ofTenant: settings.maxAwaitedMessagesPerTenant,
  });
  const streams = new CallLimit({
    what: "open streams",
    ofServer: settings.maxStreams,
    ofTenant: settings.maxStreamsPerTenant,
  });
  const heavyCalls = new TenantTurns(
    {
      running: settings.maxHeavyCalls,
      runningPerTenant: settings.maxHeavyCallsPerTenant,
      // As many as are admitted.
      waitingPerTenant: settings.maxCallsInFlight,
    },
    "heavy calls",
  );
  const metrics = createRpcMetrics(options.metrics, {
    awaitedMessages: () => awaited.count,
    openStreams: () => streams.count,
    waitingHeavyCalls: () => heavyCalls.waiting,
  });
  const unreadMetrics = createUnreadMetrics(options.metrics, () => unread);
  const unread = new UnreadCalls(settings, unreadMetrics.ended);
  const environment = {
    authenticate,
    audits: options.audits,
    secrets: options.secrets,
    heavyCalls,
    turns: new FairTurns(),
    unread,
    logger,
    metrics,
    settings,
  };
  const methods = services.flatMap((service) => service.methods);
  const room = { awaited, streams, metrics, messageTimeoutMs: settings.messageTimeoutMs };
  // Of their own, so that heavy calls that wait take no room from appends.
  const admissions = {
    light: new Admission(settings, "calls"),
    heavy: new Admission(settings, "heavy calls"),
  };
  const connections = new Connections({
    ...settings,
    onOpened: metrics.connectionOpened,
    onDropped: droppedConnections(logger, metrics, settings.maxConnections),
    onCleared: (count) => logger.warn({ count }, "closed connections whose clients ended them, to make room"),
  });
  const gate = new Gate(methods, { admissions, room, connections, logger });
  const interceptors = [createCallInterceptor(methods, environment, calls, gate)];
  const server = new Server({ ...toServerOptions(settings), interceptors });
  explainUnknownMethods(server);
  gate.guard(server);
  connections.guard(server);
  // The last that is put in front: it decides when a stream comes to the gate.
  new NewStreams(metrics.endedConnection).guard(server);
  for (const service of services) server.addService(toServiceDefinition(service), {});

  let stopped: Promise<void> | undefined;

  async function stop(timeoutMs: number): Promise<void> {
    health.setServing(false);
    try {
      await drain(timeoutMs);
    } finally {
      unread.close();
    }
  }

  async function drain(timeoutMs: number): Promise<void> {
    await pause(settings.drainAnnounceMs, closing.signal);
    const deadlineMs = performance.now() + timeoutMs;
    // Closes the listener, and sends GOAWAY on each connection.
    const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    connections.drain(drainingError());
    const finished = Promise.all([closed, calls.idle()]);
    if (await settlesWithin(finished, deadlineMs - performance.now(), closing.signal)) return;
    calls.abort(drainingError());
    await settlesWithin(finished, FORCE_GRACE_MS);
    server.forceShutdown();
    // grpc-js waits for each session to say it closed, and one that was broken off in mid-frame may never: by now
    // every handler is told and every session destroyed, so there is nothing more to wait for.
    if (!(await settlesWithin(closed, FORCE_GRACE_MS)))
      logger.warn("a connection did not say that it closed");
  }

  return {
    listen: ({ host, port, credentials }) => bind(server, { host, port }, credentials),
    setServing: (serving) => health.setServing(serving && stopped === undefined),
    drain(timeoutMs) {
      stopped ??= stop(timeoutMs);
      return stopped;
    },
    close() {
      closing.abort();
      stopped ??= stop(0);
      return stopped;
    },
  };
}

/** Counts connections for which there is no room, and says so as often as somebody would read it. */
function droppedConnections(logger: Logger, metrics: RpcMetrics, limit: number): () => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return () => {
    metrics.droppedConnection();
    if (performance.now() - saidAt < DROPS_SAID_EVERY_MS) return;
    saidAt = performance.now();
    logger.warn({ limit }, "no room for another connection");
  };
}

function drainingError(): HoldfastError {
  return new HoldfastError(ErrorReason.SERVER_DRAINING, "this server is stopping; connect again");
}

/** Whether the work is done within so many milliseconds, and before `hurry` aborts. */
async function settlesWithin(work: Promise<unknown>, ms: number, hurry?: AbortSignal): Promise<boolean> {
  const timer = new AbortController();
  const signal = hurry ? AbortSignal.any([timer.signal, hurry]) : timer.signal;
  const done = await Promise.race([work.then(() => true), pause(Math.max(0, ms), signal).then(() => false)]);
  timer.abort();
  return done;
}

/** Waits so many milliseconds, or until the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
