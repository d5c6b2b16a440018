import { createHash } from "node:crypto";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError, invalidFields } from "./errors.js";

/** Page sizes of every list (AIP-158): what 0 means, and the most one answer holds. */
export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 1000;

/** The page size to use for the one asked for; larger ones are lowered, as AIP-158 says. @throws INVALID_FIELD if negative. */
export function pageSize(asked: number): number {
  if (asked < 0) {
    throw invalidFields([
      { field: "page_size", description: `expected 0 to ${MAX_PAGE_SIZE}, got ${asked}` },
    ]);
  }
  return asked === 0 ? DEFAULT_PAGE_SIZE : Math.min(asked, MAX_PAGE_SIZE);
}

const FINGERPRINT_LENGTH = 12;

/**
 * An opaque token for the page after `cursor`, bound to the list it continues:
 * its name, tenant and filter.
 */
export function pageToken(cursor: readonly string[], list: readonly string[]): string {
  const body = JSON.stringify(cursor);
  return Buffer.from(`${fingerprint(body, list)}${body}`, "utf8").toString("base64url");
}

/** What one value of a cursor is. */
export type CursorPart = "whole number" | "UUID" | "hash or none";

const PATTERNS: Readonly<Record<CursorPart, RegExp>> = {
  "whole number": /^-?\d{1,18}$/,
  UUID: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  "hash or none": /^([0-9a-f]{64})?$/,
};

/**
 * The cursor within a token, or undefined for the first page (empty token).
 *
 * @param parts what the values of the list's cursors are.
 * @throws INVALID_PAGE_TOKEN if it was not made by `pageToken` for the same list.
 */
export function cursorFromToken(
  token: string,
  list: readonly string[],
  parts: readonly CursorPart[],
): readonly string[] | undefined {
  if (token === "") return undefined;
  const text = Buffer.from(token, "base64url").toString("utf8");
  const body = text.slice(FINGERPRINT_LENGTH);
  if (text.slice(0, FINGERPRINT_LENGTH) !== fingerprint(body, list)) throw invalidToken();
  // Whoever can compute the fingerprint can put anything under it.
  const cursor = parseList(body);
  const isSound =
    cursor?.length === parts.length && parts.every((part, i) => PATTERNS[part].test(cursor[i] ?? ""));
  if (!isSound) throw invalidToken();
  return cursor;
}

function parseList(text: string): readonly string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.map(String) : undefined;
  } catch {
    return undefined;
  }
}

function invalidToken(): HoldfastError {
  const description = "expected next_page_token of the same list and filter";
  return new HoldfastError(ErrorReason.INVALID_PAGE_TOKEN, `page_token: ${description}, got something else`, {
    violations: [{ field: "page_token", description }],
  });
}

// Not a secret: it catches mistakes. What a token may reach is bounded by the tenant of the call.
function fingerprint(body: string, list: readonly string[]): string {
  return createHash("sha256")
    .update(JSON.stringify([body, ...list]))
    .digest("base64url")
    .slice(0, FINGERPRINT_LENGTH);
}
