import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import type { Role } from "../../src/core/principal.js";
import type { Address } from "../../src/rpc/bind.js";
import { CliProcess } from "./cli-process.js";
import { createTestDatabase, type TestDatabase } from "./create-test-database.js";
import { RpcClient } from "./rpc-client.js";

const TENANTS = { abuser: randomUUID(), accomplice: randomUUID(), modest: randomUUID() };
/** What a caller with this tenant's token may do; admins are named `abuser-admin` and so on. */
export type CallerName = keyof typeof TENANTS | `${keyof typeof TENANTS}-admin`;

/** A server in a process of its own that knows three tenants by their tokens. */
export interface AbusedServer {
  readonly databaseUrl: string;
  readonly grpc: Address;
  /** `http://host:port` of metrics and liveness. */
  readonly http: string;
  readonly process: CliProcess;
  tenantOf(name: keyof typeof TENANTS): string;
  /** The token of a caller. */
  token(name: CallerName): string;
  /** A client with that token, on a connection of its own; closed with the test. */
  as(name: CallerName): RpcClient;
  /** The sum of the samples of a metric whose labels contain this text; 0 where there are none. */
  metric(name: string, labels?: string): Promise<number>;
}

/** The server for a whole test file, with these settings besides its defaults. It must still be there at the end. */
export function useAbusedServer(settings: NodeJS.ProcessEnv = {}): AbusedServer {
  let database: TestDatabase;
  let directory: string;
  let server: CliProcess;
  let grpc: Address;
  let http: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "holdfast-abuse-"));
    const tokensFile = join(directory, "tokens.json");
    await writeFile(tokensFile, JSON.stringify({ tokens: Object.entries(TENANTS).flatMap(tokensOf) }));
    database = await createTestDatabase();
    server = new CliProcess(["serve", "--grpc-port", "0", "--http-port", "0", "--log-level", "warn"], {
      DATABASE_URL: database.url,
      HOLDFAST_TOKENS: tokensFile,
      HOLDFAST_IMPORTS: join(directory, "imports"),
      HOLDFAST_DRAIN_TIMEOUT_MS: "1000",
      ...settings,
    });
    const [, host = "", port] = await server.says(/gRPC\s+(\S+):(\d+)/);
    grpc = { host, port: Number(port) };
    http = (await server.says(/HTTP\s+(http:\/\/[^/]+)/))[1] ?? "";
  });
  afterAll(async () => {
    const { exitCode, signalCode } = server.child;
    if (exitCode === null && signalCode === null) server.kill("SIGTERM");
    const ended = await server.exited;
    await database.close();
    await rm(directory, { recursive: true, force: true });
    if (ended !== 0) throw new Error(`the server ended with ${ended}:\n${server.stderr}`);
  });
  const token = (name: CallerName) => `token-of-${name}`;
  return {
    get databaseUrl() {
      return database.url;
    },
    get grpc() {
      return grpc;
    },
    get http() {
      return http;
    },
    get process() {
      return server;
    },
    tenantOf: (name) => TENANTS[name],
    token,
    as(name) {
      const client = new RpcClient(grpc, { token: token(name) });
      onTestFinished(() => client.close());
      return client;
    },
    async metric(name, labels = "") {
      const text = await (await fetch(`${http}/metrics`)).text();
      const samples = text
        .split("\n")
        .filter((line) => /^[\w:]+/.exec(line)?.[0] === name && line.includes(labels));
      return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    },
  };
}

function tokensOf([name, tenant]: [string, string]) {
  const entry = (caller: string, roles: readonly Role[]) => ({
    sha256: createHash("sha256").update(`token-of-${caller}`).digest("hex"),
    tenant_id: tenant,
    actor: caller,
    roles,
  });
  return [entry(name, ["writer"]), entry(`${name}-admin`, ["admin", "secret_reader"])];
}
