import type { ReadOptions } from "./call-options.js";

/** The fields of a request that say how far its answer must reach. */
export function minPositionOf({ minPosition }: ReadOptions) {
  if (typeof minPosition !== "object") return { minPosition };
  const { position, commitPosition, commitHash } = minPosition;
  if (commitHash.byteLength === 0) return { minPosition: position };
  return { minPosition: commitPosition, minPositionHash: commitHash };
}
