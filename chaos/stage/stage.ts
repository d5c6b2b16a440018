import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type pg from "pg";
import { layoutOf } from "../../src/postgres/layout.js";
import { migrateUp } from "../../src/store/migrate.js";
import type { ClientOptions } from "../clients/client-options.js";
import { monotonicMs } from "../clock.js";
import type { Alteration } from "../server/bugs/bug.js";
import { ClientProcess } from "./client-process.js";
import { freePort } from "./free-port.js";
import { NetworkProxy } from "./network-proxy.js";
import type { PostgresMember } from "./postgres-member.js";
import { ReplicatedPostgres } from "./replicated-postgres.js";
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
/** That something may be lost which servers wrote between two moments to the Postgres of this number. */
export interface LossLine {
  readonly k: "loss";
  readonly number: number;
  readonly since: number;
  readonly until: number;
}

/** Says which Postgres of the run was the primary last; absent where that is the first. */
const PRIMARY_FILE = "primary";

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
  #postgres: ReplicatedPostgres | undefined;
  /** The number of the primary before the last promotion. */
  #before = 0;

  private constructor(directory: string, withDisk: boolean) {
    mkdirSync(directory, { recursive: true });
    this.directory = directory;
    this.disk = withDisk ? mountSmallDisk(directory) : undefined;
  }

  static async start(
    directory: string,
    options: { bug?: Alteration; withDisk: boolean; withStandby?: boolean },
  ): Promise<Stage> {
    const stage = new Stage(directory, options.withDisk);
    try {
      await stage.#startPostgres();
      await migrateUp({ url: stage.databaseUrl });
      for (const statement of options.bug?.schema ?? []) await stage.query(statement);
      if (options.withStandby) await stage.postgres.addStandby();
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

  get postgres(): ReplicatedPostgres {
    if (!this.#postgres) throw new Error("expected Postgres to have been started");
    return this.#postgres;
  }

  /** Postgres' own logs, of all that were started; what a new one copies, its log is not part of. */
  get postgresLogs(): readonly string[] {
    return this.postgres.directories.map((directory) => layoutOf(directory).logs);
  }

  /** Of the primary. */
  get databaseUrl(): string {
    return this.postgres.primary.url;
  }

  get version(): string {
    return this.postgres.primary.version;
  }

  get postmaster(): number | undefined {
    return this.postgres.primary.postmaster;
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

  query(text: string): Promise<pg.QueryArrayResult["rows"]> {
    return this.postgres.primary.query(text);
  }

  /** Makes the standby the primary; answers with the primary before. */
  async promote(): Promise<PostgresMember> {
    this.#before = this.postgres.primaryNumber;
    const before = await this.postgres.promote();
    // For whoever looks at what the run left.
    writeFileSync(join(this.directory, PRIMARY_FILE), String(this.postgres.primaryNumber));
    return before;
  }

  /** The primary before had what the standby that was promoted had not; nobody writes to it any more. */
  noteLoss(since: number): void {
    const line: LossLine = { k: "loss", number: this.#before, since, until: monotonicMs() };
    this.note(line);
  }

  /** Resolves when Postgres and every server answer, or after so long. Returns whether they do. */
  async settled(withinMs: number): Promise<boolean> {
    const until = Date.now() + withinMs;
    do {
      const ready = await Promise.all(this.servers.map((server) => server.ready(until - Date.now())));
      // Last, and all at one look: Postgres may have gone while a server was waited for.
      if (this.postgres.primary.isReady && ready.every(Boolean)) return true;
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
    const root = this.disk?.path ?? this.directory;
    const file = join(this.directory, PRIMARY_FILE);
    const number = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    this.#postgres = await ReplicatedPostgres.start(root, join(this.directory, "postgres.log"), number);
  }

  async #startServers(bug: Alteration | undefined): Promise<void> {
    const { postgres } = this;
    for (let i = 0; i < SERVERS; i++) {
      const hosts: string[] = [];
      for (const place of postgres.places) {
        const proxy = await NetworkProxy.start(() => postgres.addresses(place));
        this.databaseProxies.push(proxy);
        hosts.push(`127.0.0.1:${proxy.port}`);
      }
      const port = await freePort();
      const server = new ServerProcess({
        program: serverProgram(join(this.directory, `server-${i}.jsonl`), bug),
        environment: {
          ...SETTINGS,
          ...bug?.settings,
          DATABASE_URL: databaseUrl(hosts),
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

/** As servers are given it. */
function databaseUrl(hosts: readonly string[]): string {
  const target = hosts.length > 1 ? "&target_session_attrs=read-write" : "";
  return `postgres://postgres@${hosts.join(",")}/holdfast?sslmode=disable${target}`;
}

function serverProgram(reports: string, bug: Alteration | undefined): ServerProgram {
  const path = fileURLToPath(new URL("../server/server-entry.js", import.meta.url));
  return { path, args: [reports, ...(bug ? [bug.name] : [])] };
}
