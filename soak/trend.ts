import { median } from "../bench/support/statistics.js";

/**
 * How fast values grow, in their unit per unit of time: the median of the slopes between all pairs of points
 * (Theil-Sen), which up to a quarter of the points being far off do not move. 0 of fewer than two points.
 */
export function trend(points: readonly (readonly [at: number, value: number])[]): number {
  const slopes = points.flatMap(([at, value], i) =>
    points.slice(i + 1).map(([later, laterValue]) => (laterValue - value) / (later - at)),
  );
  return slopes.length === 0 ? 0 : median(slopes);
}
