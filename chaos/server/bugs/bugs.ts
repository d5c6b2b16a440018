import { ackBeforeCommit } from "./ack-before-commit.js";
import { ackWithoutStandby } from "./ack-without-standby.js";
import type { Bug } from "./bug.js";
import { feedWithoutComparison } from "./feed-without-comparison.js";
import { lostHandOver } from "./lost-hand-over.js";
import { noDeduplication } from "./no-deduplication.js";
import { plainSet } from "./plain-set.js";
import { tailByTimestamp } from "./tail-by-timestamp.js";
import { unorderedLocks } from "./unordered-locks.js";

export const BUGS: readonly Bug[] = [
  tailByTimestamp,
  ackBeforeCommit,
  noDeduplication,
  lostHandOver,
  plainSet,
  unorderedLocks,
  ackWithoutStandby,
  feedWithoutComparison,
];

/** @throws RangeError naming those there are. */
export function findBug(name: string): Bug {
  const bug = BUGS.find((each) => each.name === name);
  if (bug) return bug;
  throw new RangeError(`expected one of ${BUGS.map((each) => each.name).join(", ")}, got ${name}`);
}
