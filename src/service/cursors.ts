import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Cursor, CursorSchema } from "../../gen/holdfast/v1/log_pb.js";
import type { FieldViolation } from "../core/errors.js";
import { isUuid } from "../core/uuid.js";
import { LOG_HASH_BYTES, type LogCursor } from "../store/log-cursor.js";

/** The start of a log, whichever that is. */
export const FROM_START: LogCursor = Object.freeze({ logId: "", position: 0n, commit: undefined });

/** What is wrong with a caller's cursor. */
export function wrongCursor(cursor: Cursor | undefined, field: string): readonly FieldViolation[] {
  if (!cursor) return [];
  const { logId, position, commitPosition, commitHash } = cursor;
  const violations: FieldViolation[] = [];
  const wrong = (name: string, description: string) =>
    violations.push({ field: `${field}.${name}`, description });
  if (position < 0n) wrong("position", `expected 0 or a position, got ${position}`);
  if (logId !== "" && !isUuid(logId)) {
    wrong("log_id", `expected the log_id of a cursor, got ${JSON.stringify(logId.slice(0, 80))}`);
  }
  const { byteLength } = commitHash;
  if (byteLength !== 0 && byteLength !== LOG_HASH_BYTES) {
    wrong("commit_hash", `expected ${LOG_HASH_BYTES} bytes or none, got ${byteLength}`);
  } else if (byteLength > 0 && position > 0n && commitPosition < position) {
    wrong("commit_position", `expected ${position}, the position, or more, got ${commitPosition}`);
  }
  return violations;
}

/** A caller's cursor, which is right. */
export function cursorFromMessage({ logId, position, commitPosition, commitHash }: Cursor): LogCursor {
  const isKnown = position > 0n && commitHash.byteLength > 0;
  return {
    logId: logId.toLowerCase(),
    position,
    commit: isKnown ? { position: commitPosition, hash: commitHash } : undefined,
  };
}

/** What the values of a cursor within a page token are. */
export const CURSOR_PARTS = ["whole number", "whole number", "hash or none"] as const;

/** A cursor for a page token, which is bound to its tenant already. */
export function partsOfCursor({ position, commit }: LogCursor): readonly string[] {
  const hash = commit ? Buffer.from(commit.hash).toString("hex") : "";
  return [String(position), String(commit?.position ?? 0n), hash];
}

/** The cursor of a page token. */
export function cursorFromParts([
  position = "0",
  commitPosition = "0",
  hash = "",
]: readonly string[]): LogCursor {
  const commit =
    hash === "" ? undefined : { position: BigInt(commitPosition), hash: Buffer.from(hash, "hex") };
  return { logId: "", position: BigInt(position), commit };
}

/** A cursor as answers have it. */
export function toCursor({ logId, position, commit }: LogCursor): MessageInitShape<typeof CursorSchema> {
  if (!commit || position === 0n) return { logId, position };
  return { logId, position, commitPosition: commit.position, commitHash: commit.hash };
}
