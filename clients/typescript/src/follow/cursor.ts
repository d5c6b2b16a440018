import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { type Cursor as CursorMessage, CursorSchema } from "../../../../gen/holdfast/v1/log_pb.js";
import { HoldfastError } from "../holdfast-error.js";

/**
 * A place in a log: everything up to and including `position` is behind it. Give it back whole. It names the history that
 * was told, so that a log which lost part of that (a failover to a standby that lagged, a restored backup) is noticed.
 */
export interface Cursor {
  /** Which log; empty while nothing was ever written. A cursor of another tenant or database is refused. */
  readonly logId: string;
  readonly position: bigint;
  /** The last position of a commit that ends at `position` or after it; 0 if it is not known. */
  readonly commitPosition: bigint;
  /** The hash of everything up to that commit; empty if it is not known. */
  readonly commitHash: Uint8Array;
}

/** A cursor of which only the position is known: nothing is compared. */
export function cursorOfPosition(position: bigint): Cursor {
  return { logId: "", position, commitPosition: 0n, commitHash: new Uint8Array() };
}

/** The cursor of an answer. */
export function cursorFromMessage(message: CursorMessage | undefined): Cursor {
  if (!message) {
    throw new HoldfastError("expected an answer with a cursor, got one of a server that has none", {
      code: "UNIMPLEMENTED",
    });
  }
  const { logId, position, commitPosition, commitHash } = message;
  // Not a part of what was received with it: cursors are kept.
  return { logId, position, commitPosition, commitHash: Uint8Array.from(commitHash) };
}

/** A cursor as JSON, to be kept: `cursorFromText` reads it. */
export function cursorToText(cursor: Cursor): string {
  return toJsonString(CursorSchema, create(CursorSchema, cursor));
}

/** What `cursorToText` wrote. @throws HoldfastError INVALID_ARGUMENT for anything else */
export function cursorFromText(text: string): Cursor {
  try {
    return cursorFromMessage(fromJsonString(CursorSchema, text));
  } catch (cause) {
    const got = JSON.stringify(text.slice(0, 80));
    throw new HoldfastError(`expected a cursor as cursorToText writes it, got ${got}`, {
      code: "INVALID_ARGUMENT",
      cause,
    });
  }
}
