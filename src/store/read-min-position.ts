import { invalidFields } from "../core/errors.js";
import { findCommit } from "./commit-mark.js";
import type { Run } from "./database.js";
import { LOG_HASH_BYTES } from "./log-cursor.js";
import { logDiverged } from "./log-diverged.js";
import { readLogHead, requirePosition } from "./log-head.js";
import type { LogHeadToCheck } from "./log-head-to-check.js";

/** How far the answer of a read must reach, as its request has it. */
export interface MinPosition {
  /** 0 for none. */
  readonly minPosition: bigint;
  /** The hash of the commit that contains it; empty when nothing is to be compared. */
  readonly minPositionHash: Uint8Array;
}

/** Whether a request asks for anything here. */
export function asksForPosition({ minPosition, minPositionHash }: MinPosition): boolean {
  return minPosition !== 0n || minPositionHash.byteLength > 0;
}

/** For a read whose answer need not reach any position. */
export const NO_MIN_POSITION: MinPosition = Object.freeze({
  minPosition: 0n,
  minPositionHash: new Uint8Array(),
});

/**
 * Reads where a log ends; the check is that it holds everything up to a position, of the history that the caller was
 * told. It throws POSITION_IN_FUTURE, LOG_DIVERGED, INVALID_FIELD.
 */
export async function readMinPosition(
  run: Run,
  tenantId: string,
  { minPosition, minPositionHash }: MinPosition,
): Promise<LogHeadToCheck> {
  const { byteLength } = minPositionHash;
  const isCompared = byteLength === LOG_HASH_BYTES && minPosition > 0n;
  const [head, found] = await Promise.all([
    readLogHead(run, tenantId),
    isCompared ? findCommit(run, tenantId, minPosition) : undefined,
  ]);
  return {
    head,
    check() {
      if (byteLength !== 0 && byteLength !== LOG_HASH_BYTES) {
        const description = `expected ${LOG_HASH_BYTES} bytes or none, got ${byteLength}`;
        throw invalidFields([{ field: "min_position_hash", description }]);
      }
      // What a server told of was committed: a log that ends before it has lost it.
      if (isCompared && (!found || Buffer.compare(found.hash, minPositionHash) !== 0)) {
        throw logDiverged(head, minPosition);
      }
      requirePosition(head, minPosition);
      return head;
    },
  };
}
