import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { secureEdge } from "./app/secure-edge.js";
import { sentExports } from "./archive/sent-exports.js";
import type { Config } from "./config.js";
import { readVersion } from "./core/version.js";
import { createCodecs } from "./entities/codecs.js";
import { memory } from "./entities/memory.js";
import { entities } from "./entities/registry.js";
import { session } from "./entities/session.js";
import { watchEventLoopDelay } from "./http/event-loop-delay.js";
import { createMetricsRegistry } from "./http/metrics-registry.js";
import { createHttpServer } from "./http/server.js";
import { receivedImports } from "./legacy/received-imports.js";
import { layoutOf } from "./postgres/layout.js";
import { startEmbeddedPostgres } from "./postgres/start-embedded-postgres.js";
import type { Address } from "./rpc/bind.js";
import { services } from "./rpc/handlers/services.js";
import { ListenError } from "./rpc/listen-error.js";
import type { RpcSettings } from "./rpc/rpc-settings.js";
import { createSecretGuard } from "./rpc/secret-guard.js";
import { createRpcServer } from "./rpc/server.js";
import { createAppendLatency } from "./service/append-latency.js";
import { Appender } from "./service/appender.js";
import { createCallAudits } from "./service/call-audits.js";
import { observeBarriers, registerDurabilityGauge } from "./service/durability-metrics.js";
import { DurableLog } from "./service/durable-log.js";
import { Hub } from "./service/hub.js";
import { pollLogs } from "./service/log-poller.js";
import { createMemoryAccessLog } from "./service/memories/memory-access-log.js";
import { sweepMemories } from "./service/memories/memory-sweeper.js";
import { createEntryPreparer } from "./service/prepare-entry.js";
import { createRules } from "./service/rules.js";
import { registerRuntimeGauges } from "./service/runtime-gauges.js";
import { type Database, openDatabase } from "./store/database.js";
import { probeDatabase } from "./store/database-probe.js";
import { listenForHints } from "./store/hint-listener.js";
import { createHintSender } from "./store/hints.js";
import { migrateUp } from "./store/migrate.js";
import { Primary } from "./store/primary.js";
import { requireMigrated } from "./store/require-migrated.js";
import { Transfers } from "./transfers/transfers.js";
import { Scans } from "./workers/scans.js";
import { WorkerPool } from "./workers/worker-pool.js";

/** A running server. */
export interface App {
  readonly grpc: Address;
  readonly http: Address;
  /** Of the database in use. */
  readonly databaseUrl: string;
  /** The version of the embedded Postgres, which ends with this app; undefined with a database of the user's own. */
  readonly embeddedVersion: string | undefined;
  /** Its metrics, as `/metrics` shows them. */
  readonly metrics: Registry;
  /** Finishes what is in flight, for at most the drain timeout, then stops everything, the database last. */
  close(): Promise<void>;
  /** Cuts a close short. */
  hurry(): void;
}

/**
 * Parts that whoever starts the server puts something around, to look at what passes or to make it fail where no
 * fault from outside could be aimed. `holdfast serve` puts nothing.
 */
export interface Instruments {
  readonly database?: (database: Database) => Database;
  readonly hub?: (hub: Hub) => Hub;
}

/** Wires a server by hand and starts it; whatever was started is stopped again should a later part fail. */
export async function startApp(
  config: Config,
  logger: Logger,
  signal?: AbortSignal,
  instruments: Instruments = {},
): Promise<App> {
  const { credentials, authenticate } = await secureEdge(config);
  const cleanups: (() => Promise<void> | void)[] = [];
  // What fails to close must not keep the rest, the database above all, from closing.
  const closeAll = async () => {
    const failures: unknown[] = [];
    for (const cleanup of cleanups.splice(0).reverse()) {
      try {
        await cleanup();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  try {
    const { url: databaseUrl, embeddedVersion } = await provideDatabase(config, logger, cleanups, signal);
    await (config.migrate ? migrateUp : requireMigrated)({ url: databaseUrl });
    signal?.throwIfAborted();
    const primary = new Primary(databaseUrl);
    const opened = openDatabase(
      {
        url: primary,
        maxConnections: config.databaseConnections,
        connectTimeoutMs: config.connectTimeoutMs,
        statementTimeoutMs: config.statementTimeoutMs,
        preparedStatements: config.preparedStatements,
      },
      logger,
    );
    cleanups.push(() => opened.close());
    const database = instruments.database?.(opened) ?? opened;

    const registry = createMetricsRegistry();
    const codecs = createCodecs(entities);
    const durable = DurableLog.open(primary, config, observeBarriers(registry));
    registerDurabilityGauge(registry, durable);
    const made = new Hub({ database, codecs, durable, logger, settings: config });
    const hub = instruments.hub?.(made) ?? made;
    const hints = createHintSender(database, config.hintIntervalMs, logger);
    const eventLoop = watchEventLoopDelay(registry, logger);
    cleanups.push(() => eventLoop.close());
    const workers = new WorkerPool(config, registry);
    cleanups.push(() => workers.close());
    const scans = new Scans(config, registry);
    const transfers = new Transfers(config, registry, logger);
    cleanups.push(() => transfers.close());
    let onHealth = () => {};
    const probe = probeDatabase({
      primary,
      version: readVersion(),
      intervalMs: config.databaseProbeIntervalMs,
      logger,
      onChange: () => onHealth(),
    });
    cleanups.push(() => probe.close());
    registerRuntimeGauges(registry, { database, probe, hub });
    const appendLatency = createAppendLatency(registry);
    const appender = new Appender(
      {
        database,
        sessionCodec: codecs.of(session),
        rules: createRules(config, workers),
        durable,
        logger,
        takesWrites: () => probe.state === "writable",
        onDurable: appendLatency.observe,
        onCommit(tenantId, commit) {
          probe.committed();
          hub.committed(tenantId, commit);
          hints.send(tenantId, commit.mark.position);
        },
      },
      config,
    );
    cleanups.push(async () => {
      await appender.close();
      hints.close();
    });
    // Before the appender: what waits for a standby that is away would not let it end.
    cleanups.push(() => durable.close());
    const poller = pollLogs(database, hub, config.pollIntervalMs, logger);
    cleanups.push(() => poller.close());
    const listener = listenForHints({
      primary: config.databaseListenUrl === "" ? primary : new Primary(config.databaseListenUrl),
      logger,
      onHint: (tenantId, position) => hub.hint(tenantId, position),
    });
    cleanups.push(primary.onMoved(() => listener.reconnect()));
    cleanups.push(() => listener.close());

    const preparer = createEntryPreparer(codecs, config);
    const audits = createCallAudits({ appender, preparer, logger, settings: config });
    cleanups.push(() => audits.close());
    const access = createMemoryAccessLog(database, config.memoryAccessIntervalMs, logger);
    cleanups.push(() => access.close());
    const sweeper = sweepMemories(
      { database, appender, preparer, codec: codecs.of(memory), logger },
      config.memorySweepIntervalMs,
    );
    cleanups.push(() => sweeper.close());
    const rpc = createRpcServer({
      services: services({
        workers,
        scans,
        append: { appender, preparer, limits: config },
        stream: config,
        events: { database, codecs, durable, ...config },
        subscription: {
          database,
          codecs,
          hub,
          durable,
          settings: { ...config, maxAnswerBytes: config.maxReceiveBytes },
        },
        records: {
          database,
          appender,
          preparer,
          maxPageBytes: config.maxPageBytes,
          maxAnswerBytes: config.maxReceiveBytes,
        },
        storage: {
          database,
          dataDirectory: config.databaseUrl === "" ? layoutOf(config.dataDirectory).data : undefined,
        },
        appendLatency,
        memorySearch: {
          database,
          access,
          settings: {
            memoryHalfLifeHours: config.memoryHalfLifeHours,
            maxAnswerBytes: config.maxReceiveBytes,
          },
        },
        exportFiles: sentExports({
          url: databaseUrl,
          transfers,
          appender,
          preparer,
          version: readVersion(),
        }),
        importFiles: receivedImports({ url: databaseUrl, transfers, settings: config }),
      }),
      authenticate,
      audits,
      secrets: createSecretGuard(entities, audits),
      logger,
      metrics: registry,
      settings: rpcSettings(config),
    });
    let isServing = false;
    const isReady = () => isServing && probe.state === "writable";
    onHealth = () => rpc.setServing(isReady());
    const httpServer = createHttpServer({ registry, ready: isReady, logger });
    // Before the gRPC server, so that it closes after: a drain can be watched.
    cleanups.push(() => httpServer.close());
    cleanups.push(() => rpc.drain(config.drainTimeoutMs));
    const grpc = await rpc.listen({ host: config.grpcHost, port: config.grpcPort, credentials });
    const http = await httpServer
      .listen({ host: config.httpHost, port: config.httpPort })
      .catch((error: unknown) => {
        throw new ListenError(config.httpHost, config.httpPort, error);
      });
    isServing = true;
    onHealth();

    let closing: Promise<void> | undefined;
    return {
      grpc,
      http,
      databaseUrl,
      embeddedVersion,
      metrics: registry,
      close() {
        isServing = false;
        closing ??= closeAll();
        return closing;
      },
      hurry: () => void rpc.close(),
    };
  } catch (error) {
    await closeAll().catch((err: unknown) => logger.error({ err }, "stopping after a failed start"));
    throw error;
  }
}

async function provideDatabase(
  config: Config,
  logger: Logger,
  cleanups: (() => Promise<void> | void)[],
  signal: AbortSignal | undefined,
): Promise<{ readonly url: string; readonly embeddedVersion: string | undefined }> {
  if (config.databaseUrl !== "") return { url: config.databaseUrl, embeddedVersion: undefined };
  const embedded = await startEmbeddedPostgres({
    directory: config.dataDirectory,
    logger,
    ...(signal && { signal }),
  });
  cleanups.push(() => embedded.close());
  return { url: embedded.url, embeddedVersion: embedded.version };
}

function rpcSettings(config: Config): RpcSettings {
  return {
    ...config,
    maxSendBytes: config.maxReceiveBytes,
    writeBufferBytes: 64 * 1024,
    maxConnectionAgeMs:
      config.maxConnectionAgeMs === 0 ? Number.POSITIVE_INFINITY : config.maxConnectionAgeMs,
    maxConnectionAgeGraceMs: config.drainTimeoutMs,
    maxSessionMemoryMiB: Number.POSITIVE_INFINITY,
  };
}
