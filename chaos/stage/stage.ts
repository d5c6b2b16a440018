import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { pino } from "pino";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/postgres/start-embedded-postgres.js";
import { migrateUp } from "../../src/store/migrate.js";
import type { ClientOptions } from "../clients/client-options.js";
import type { Alteration } from "../server/bugs/bug.js";
import { ClientProcess } from "./client-process.js";
import { freePort } from "./free-port.js";
import { NetworkProxy } from "./network-proxy.js";
import { isPostgresReady, postmasterOf } from "./postgres-processes.js";
import { ServerProcess, type ServerProgram } from "./server-process.js";
import { mountSmallDisk, type SmallDisk } from "./small-disk.js";

/** Short times where the defaults are long, so that a fault of seconds is noticed within it. */
const SETTINGS = {
  HOLDFAST_HTTP_PORT: "0",
  HOLDFAST_LOG_LEVEL: "warn",
  HOLDFAST_DATABASE_CONNECT_TIMEOUT_MS: "2000",
  HOLDFAST_DATABASE_STATEMENT_TIMEOUT_MS: "4000",
  HOLDFAST_DRAIN_TIMEOUT_MS: "2000",
  HOLDFAST_CHECKPOINT_INTERVAL_MS: "1000",
  HOLDFAST_POLL_INTERVAL_MS: "250",
  // Little memory: subscribers go from there to the database and back all the time.
  HOLDFAST_MAX_RECENT_CHANGES: "512",
  HOLDFAST_MAX_PAGE_CHANGES: "200",
};

const SERVERS = 2;

/**
 * All that a run needs but its clients: Postgres, servers in processes of their own, and between everybody a proxy
 * that can fail. Each way in prefers one server and goes to the other when that does not answer.
 */
export class Stage {
  readonly directory: string;
  readonly disk: SmallDisk | undefined;
  readonly servers: ServerProcess[] = [];
  readonly fronts: NetworkProxy[] = [];
  readonly clients: ClientProcess[] = [];
  readonly databaseProxies: NetworkProxy[] = [];
  #nextClient = 0;
  #postgres: EmbeddedPostgres | undefined;

  private constructor(directory: string, withDisk: boolean) {
    mkdirSync(directory, { recursive: true });
    this.directory = directory;
    this.disk = withDisk ? mountSmallDisk(directory) : undefined;
  }

  static async start(directory: string, options: { bug?: Alteration; withDisk: boolean }): Promise<Stage> {
    const stage = new Stage(directory, options.withDisk);
    try {
      await stage.#startPostgres();
      await migrateUp({ url: stage.databaseUrl });
      for (const statement of options.bug?.schema ?? []) await stage.query(statement);
      await stage.#startServers(options.bug);
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  /** Postgres alone, to look at what a run left. */
  static async reopen(directory: string): Promise<Stage> {
    const stage = new Stage(directory, existsSync(join(directory, "disk.img")));
    await stage.#startPostgres();
    return stage;
  }

  get postgresDirectory(): string {
    return join(this.disk?.path ?? this.directory, "postgres");
  }

  get databaseUrl(): string {
    return this.#postgres?.url ?? "";
  }

  get version(): string {
    return this.#postgres?.version ?? "";
  }

  get postmaster(): number | undefined {
    return postmasterOf(this.postgresDirectory);
  }

  get addresses(): readonly string[] {
    return this.fronts.map((front) => `127.0.0.1:${front.port}`);
  }

  /** Starts a client, in a process of its own: in place of one that was killed, or a further one. */
  startClient(options: Omit<ClientOptions, "client" | "addresses" | "ledger">, place?: number): void {
    const client = this.#nextClient++;
    const ledger = join(this.directory, `client-${client}.jsonl`);
    const started = new ClientProcess({ ...options, client, addresses: this.addresses, ledger });
    this.clients[place ?? this.clients.length] = started;
  }

  /** All ways that clients have to the servers, by their place among the addresses. */
  get ways(): readonly number[] {
    return [...this.fronts.keys()];
  }

  /** Those on which clients are connected to this server now. */
  waysTo({ port }: ServerProcess): readonly number[] {
    return this.ways.filter((way) => this.fronts[way]?.reaches(port));
  }

  async query(text: string): Promise<pg.QueryArrayResult["rows"]> {
    const client = new pg.Client({ connectionString: this.databaseUrl, connectionTimeoutMillis: 3000 });
    client.on("error", () => {});
    try {
      await client.connect();
      return (await client.query({ text, rowMode: "array" })).rows;
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** Resolves when Postgres and every server answer, or after so long. Returns whether they do. */
  async settled(withinMs: number): Promise<boolean> {
    const until = Date.now() + withinMs;
    do {
      const ready = await Promise.all(this.servers.map((server) => server.ready(until - Date.now())));
      // Last, and all at one look: Postgres may have gone while a server was waited for.
      if (isPostgresReady(this.postgresDirectory) && ready.every(Boolean)) return true;
      await delay(50);
    } while (Date.now() < until);
    return false;
  }

  async stopServers(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
    for (const proxy of [...this.fronts, ...this.databaseProxies]) proxy.close();
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.kill()));
    await this.stopServers();
    await this.#postgres?.close();
    this.disk?.close();
  }

  async #startPostgres(): Promise<void> {
    const directory = this.postgresDirectory;
    mkdirSync(directory, { recursive: true });
    this.#postgres = await startEmbeddedPostgres({
      directory,
      logger: pino({ level: "info" }, pino.destination(join(this.directory, "postgres.log"))),
    });
  }

  async #startServers(bug: Alteration | undefined): Promise<void> {
    const socket = new URL(this.databaseUrl).searchParams;
    const path = join(socket.get("host") ?? "", `.s.PGSQL.${socket.get("port")}`);
    for (let i = 0; i < SERVERS; i++) {
      const proxy = await NetworkProxy.start(() => [{ path }]);
      this.databaseProxies.push(proxy);
      const port = await freePort();
      const server = new ServerProcess({
        program: serverProgram(join(this.directory, `server-${i}.jsonl`), bug),
        environment: {
          ...SETTINGS,
          ...bug?.settings,
          DATABASE_URL: `postgres://postgres@127.0.0.1:${proxy.port}/holdfast?sslmode=disable`,
          HOLDFAST_GRPC_PORT: String(port),
        },
        port,
        log: join(this.directory, `server-${i}.log`),
      });
      this.servers.push(server);
    }
    for (let i = 0; i < SERVERS; i++) {
      const preferred = [...this.servers.slice(i), ...this.servers.slice(0, i)];
      this.fronts.push(
        await NetworkProxy.start(() => preferred.map(({ port }) => ({ host: "127.0.0.1", port }))),
      );
    }
    if (!(await this.settled(60_000))) {
      throw new Error(`the servers did not start; see ${this.directory}/server-0.log`);
    }
  }

  note(line: object): void {
    appendFileSync(join(this.directory, "faults.jsonl"), `${JSON.stringify(line)}\n`);
  }
}

function serverProgram(reports: string, bug: Alteration | undefined): ServerProgram {
  const path = fileURLToPath(new URL("../server/server-entry.js", import.meta.url));
  return { path, args: [reports, ...(bug ? [bug.name] : [])] };
}
