import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Metadata, status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import type { Principal } from "../core/principal.js";
import { anonymousAuthenticator } from "./anonymous-authenticator.js";
import { failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
import { reasonOf } from "./testing/status-details.js";
import { tokenAuthenticator } from "./token-authenticator.js";
import { readTokenFile } from "./token-file.js";

const TENANT = "7d3f8c1e-0000-4000-8000-000000000042";
const OTHER_TENANT = "7d3f8c1e-0000-4000-8000-000000000043";

function metadata(entries: Record<string, string>): Metadata {
  const made = new Metadata();
  for (const [key, value] of Object.entries(entries)) made.set(key, value);
  return made;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function tokenFile(content: unknown): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-tokens-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, "tokens.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

test("an anonymous caller has the tenant it names, or else the default one", async () => {
  const authenticate = anonymousAuthenticator();
  expect(await authenticate(new Metadata(), "")).toEqual({
    tenantId: "00000000-0000-0000-0000-000000000001",
    actor: "anonymous",
    roles: ["reader", "writer", "admin"],
  });
  const named = await authenticate(metadata({ "holdfast-tenant": TENANT.toUpperCase() }), "");
  expect(named.tenantId).toBe(TENANT);
});

test("a tenant that is no UUID is refused with INVALID_FIELD", async () => {
  const { client } = await startEchoServer();
  for (const tenant of ["acme", "", `${TENANT}0`]) {
    const error = await failure(client.unary("a", metadata({ "holdfast-tenant": tenant })));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(reasonOf(error)).toBe("INVALID_FIELD");
    expect(error.details).toMatch(/^holdfast-tenant: expected a UUID/);
  }
});

test("a listed token lets its bearer in as its principal, and no other does", async () => {
  const path = await tokenFile({
    tokens: [
      { sha256: sha256("first"), tenant_id: OTHER_TENANT, actor: "token:other" },
      { sha256: sha256("second").toUpperCase(), tenant_id: TENANT, actor: "token:ingest" },
    ],
  });
  const principals: Principal[] = [];
  const { client } = await startEchoServer({
    authenticate: tokenAuthenticator(await readTokenFile(path)),
    handlers: {
      async unary(request, { principal }) {
        principals.push(principal);
        return request;
      },
    },
  });
  await client.unary("a", metadata({ authorization: "Bearer second" }));
  await client.unary("a", metadata({ authorization: "bearer second", "holdfast-tenant": TENANT }));
  const expected = { tenantId: TENANT, actor: "token:ingest", roles: ["writer"] };
  expect(principals).toEqual([expected, expected]);

  for (const refused of [{}, { authorization: "Bearer third" }, { authorization: "Basic second" }]) {
    const error = await failure(client.unary("a", metadata(refused)));
    expect(error.code).toBe(status.UNAUTHENTICATED);
    expect(reasonOf(error)).toBe("UNAUTHENTICATED");
  }
  const elsewhere = { authorization: "Bearer second", "holdfast-tenant": OTHER_TENANT };
  expect((await failure(client.unary("a", metadata(elsewhere)))).code).toBe(status.PERMISSION_DENIED);
  expect(principals).toHaveLength(2);
});

test.each([
  ["not JSON", "secret-digest", /expected JSON$/],
  ["no list", {}, /expected an object with a list "tokens"/],
  ["an empty list", { tokens: [] }, /at least one token/],
  ["no digest", { tokens: [{ sha256: "abc", tenant_id: TENANT, actor: "a" }] }, /tokens\[0\]\.sha256/],
  [
    "no tenant",
    { tokens: [{ sha256: sha256("a"), tenant_id: "acme", actor: "a" }] },
    /tokens\[0\]\.tenant_id/,
  ],
  [
    "an unknown role",
    { tokens: [{ sha256: sha256("a"), tenant_id: TENANT, actor: "a", roles: ["writer", "owner"] }] },
    /tokens\[0\]\.roles: expected any of reader, writer, admin, secret_reader/,
  ],
  ["no actor", { tokens: [{ sha256: sha256("a"), tenant_id: TENANT, actor: "" }] }, /tokens\[0\]\.actor/],
])("a token file with %s is refused, naming file and place", async (_name, content, message) => {
  const path = await tokenFile(content);
  const error = await readTokenFile(path).catch((problem: Error) => problem);
  expect(error).toBeInstanceOf(Error);
  expect(String(error)).toMatch(message);
  expect(String(error)).toContain(path);
  expect(String(error)).not.toContain("secret-digest");
});

test("an authenticator that breaks is INTERNAL, and the handler does not run", async () => {
  let ran = false;
  const { client } = await startEchoServer({
    authenticate: async () => {
      throw new TypeError("broken");
    },
    handlers: {
      async unary(request) {
        ran = true;
        return request;
      },
    },
  });
  expect((await failure(client.unary("a"))).code).toBe(status.INTERNAL);
  expect(ran).toBe(false);
});
