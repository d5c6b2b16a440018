import type { Evidence } from "./evidence.js";
import type { Violation } from "./guarantee.js";
import { isOver } from "./histories.js";

/** What clients and servers noticed themselves, but for an acknowledged write they missed while it could have been lost. */
export function seenOutsideOfLosses({ seen, histories }: Evidence): Violation[] {
  // All logs were lost at the same times.
  const all = [...histories.values()][0]?.all ?? [];
  return seen
    .filter(
      ({ guarantee, t }) =>
        guarantee !== "Durable" || !all.some((history) => t >= history.since && !isOver(history, t)),
    )
    .map(({ guarantee, text }) => ({ guarantee, text }));
}
