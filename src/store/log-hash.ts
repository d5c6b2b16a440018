import { createHash, type Hash } from "node:crypto";

/**
 * The hash of everything up to a commit, which lacks the content hashes of its
 * entries yet; `begin_append` computes the same.
 *
 * @param previous the hash up to the commit before, empty for the first
 */
export function beginLogHash(
  previous: Uint8Array,
  commit: { readonly firstPosition: bigint; readonly position: bigint; readonly commitMicros: bigint },
): Hash {
  const numbers = Buffer.alloc(24);
  numbers.writeBigInt64BE(commit.firstPosition, 0);
  numbers.writeBigInt64BE(commit.position, 8);
  numbers.writeBigInt64BE(commit.commitMicros, 16);
  return createHash("sha256").update(previous).update(numbers);
}
