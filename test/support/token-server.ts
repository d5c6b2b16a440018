import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import type { App } from "../../src/app.js";
import type { Config } from "../../src/config.js";
import type { Role } from "../../src/core/principal.js";
import { createTestDatabase, type TestDatabase } from "./create-test-database.js";
import { RpcClient } from "./rpc-client.js";
import { startServer } from "./start-server.js";

/** A caller that a server knows: the token is its name. */
export interface KnownCaller {
  readonly name: string;
  readonly tenant: string;
  readonly roles?: readonly Role[];
}

export interface TokenServer {
  readonly databaseUrl: string;
  readonly app: App;
  /** A client with the token of this name, or with none; closed with the test. */
  as(name?: string, tenant?: string): RpcClient;
}

/** A server for a whole test file that asks its callers for tokens. */
export function useTokenServer(
  callers: readonly KnownCaller[],
  overrides: Partial<Config> = {},
): TokenServer {
  let database: TestDatabase;
  let app: App;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "holdfast-tokens-"));
    const tokensFile = join(directory, "tokens.json");
    const tokens = callers.map(({ name, tenant, roles }) => {
      const sha256 = createHash("sha256").update(name).digest("hex");
      return { sha256, tenant_id: tenant, actor: `token:${name}`, roles };
    });
    await writeFile(tokensFile, JSON.stringify({ tokens }));
    database = await createTestDatabase();
    app = await startServer(database.url, { drainTimeoutMs: 1000, tokensFile, ...overrides });
  });
  afterAll(async () => {
    await app?.close();
    await database?.close();
    await rm(directory, { recursive: true });
  });
  return {
    get databaseUrl() {
      return database.url;
    },
    get app() {
      return app;
    },
    as(token, tenant) {
      const client = new RpcClient(app.grpc, {
        ...(token !== undefined && { token }),
        ...(tenant !== undefined && { tenant }),
      });
      onTestFinished(() => client.close());
      return client;
    },
  };
}
