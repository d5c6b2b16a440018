import { readFile } from "node:fs/promises";
import { ROLES, type Role } from "../core/principal.js";
import { isUuid } from "../core/uuid.js";
import type { AcceptedToken } from "./token-authenticator.js";

const SHA256_HEX = /^[0-9a-f]{64}$/i;

/** Longer would not fit into an audit. */
const MAX_ACTOR_LENGTH = 200;

/**
 * Reads `{ "tokens": [{ "sha256": hex, "tenant_id": uuid, "actor": string, "roles": [string] }] }`; without roles
 * a token is a writer's.
 * Throws an Error that names the file and the entry at fault, and never quotes a digest.
 */
export async function readTokenFile(path: string): Promise<readonly AcceptedToken[]> {
  const parsed: unknown = parseJson(path, await readFile(path, "utf8"));
  const tokens = isRecord(parsed) ? parsed.tokens : undefined;
  if (!Array.isArray(tokens)) throw new Error(`${path}: expected an object with a list "tokens"`);
  if (tokens.length === 0) throw new Error(`${path}: expected at least one token, got none`);
  return tokens.map((entry: unknown, index) => toAcceptedToken(entry, `${path}: tokens[${index}]`));
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the file.
    throw new Error(`${path}: expected JSON`);
  }
}

function toAcceptedToken(entry: unknown, where: string): AcceptedToken {
  const { sha256, tenant_id, actor, roles = ["writer"] } = isRecord(entry) ? entry : {};
  if (typeof sha256 !== "string" || !SHA256_HEX.test(sha256)) {
    throw new Error(`${where}.sha256: expected 64 hexadecimal digits`);
  }
  const tenantId = typeof tenant_id === "string" ? tenant_id.toLowerCase() : "";
  if (!isUuid(tenantId)) throw new Error(`${where}.tenant_id: expected a UUID`);
  if (typeof actor !== "string" || actor === "" || actor.length > MAX_ACTOR_LENGTH || actor.includes("\0")) {
    throw new Error(`${where}.actor: expected a name of at most ${MAX_ACTOR_LENGTH} characters`);
  }
  if (!Array.isArray(roles) || roles.length === 0 || !roles.every(isRole)) {
    throw new Error(`${where}.roles: expected any of ${ROLES.join(", ")}`);
  }
  return { sha256: Buffer.from(sha256, "hex"), principal: { tenantId, actor, roles } };
}

function isRole(value: unknown): value is Role {
  return ROLES.some((role) => role === value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
