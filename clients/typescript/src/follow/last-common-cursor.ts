import { AdminService } from "../../../../gen/holdfast/v1/admin_pb.js";
import type { CallOptions } from "../call/call-options.js";
import type { Transport } from "../call/transport.js";
import { HoldfastError } from "../holdfast-error.js";
import type { Cursor } from "./cursor.js";

/** Of cursors that were kept, the one furthest on whose history the log still has. One without a hash is left out. */
export async function lastCommonCursor(
  transport: Transport,
  cursors: Iterable<Cursor>,
  options: CallOptions | undefined,
): Promise<Cursor | undefined> {
  const furthestFirst = [...cursors].sort((a, b) => Number(b.position - a.position));
  for (const cursor of furthestFirst) {
    if (await hasHistory(transport, cursor, options)) return cursor;
  }
  return undefined;
}

async function hasHistory(
  transport: Transport,
  { logId, position, commitPosition, commitHash }: Cursor,
  options: CallOptions | undefined,
): Promise<boolean> {
  if (position > 0n && commitHash.byteLength === 0) return false;
  const asked = { atPosition: position === 0n ? 0n : commitPosition };
  try {
    const commit = await transport.unary(AdminService.method.getLogHead, asked, options);
    if (logId !== "" && commit.logId !== logId) return false;
    return position === 0n || (commit.position === commitPosition && isEqual(commit.hash, commitHash));
  } catch (error) {
    if (error instanceof HoldfastError && error.reason === "POSITION_IN_FUTURE") return false;
    throw error;
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && one.every((byte, i) => byte === other[i]);
}
