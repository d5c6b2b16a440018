import { median } from "../bench/support/statistics.js";
import { LIMITS } from "./limits.js";
import type { Sample } from "./sample.js";
import { trend } from "./trend.js";

const HOUR_MS = 3_600_000;
/** Of the samples, those at first: clients connect, pools and caches fill. */
const WARM_UP_SHARE = 0.1;

/** The looks at a run: at rest after a shorter run warmed it up, all through it, and at rest again. */
export interface Soaked {
  readonly before: Sample;
  readonly during: readonly Sample[];
  readonly after: Sample;
}

/** What became of one thing that one process holds. */
export interface Course {
  readonly process: string;
  readonly figure: string;
  /** Nobody was connected. */
  readonly restBefore: number;
  readonly restAfter: number;
  /** Under load: the medians of the first and the last third. */
  readonly first: number;
  readonly last: number;
  readonly perHour: number;
  readonly limitPerHour: number;
  /** How it grew more than it may; undefined when it did not. */
  readonly leak: string | undefined;
}

/** Judges each figure of each process by its limit. */
export function judgeCourses({ before, during, after }: Soaked): readonly Course[] {
  const warm = during.slice(Math.ceil(during.length * WARM_UP_SHARE));
  return Object.entries(before.of).flatMap(([process, figures]) =>
    Object.keys(figures).map((figure) => {
      const valueIn = (sample: Sample) => sample.of[process]?.[figure] ?? Number.NaN;
      const points = warm.map((sample) => [sample.atMs / HOUR_MS, valueIn(sample)] as const);
      return judgeCourse(process, figure, valueIn(before), points, valueIn(after));
    }),
  );
}

function judgeCourse(
  process: string,
  figure: string,
  restBefore: number,
  points: readonly (readonly [atHours: number, value: number])[],
  restAfter: number,
): Course {
  const limit = LIMITS[figure];
  if (!limit) throw new RangeError(`expected a limit of ${figure}`);
  const values = points.map(([, value]) => value);
  const third = Math.ceil(values.length / 3);
  const hours = (points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0);
  const perHour = trend(points);
  const limitPerHour = Math.max(limit.perHour, limit.noise / hours);
  const mayKeep = limit.atRest ?? limitPerHour * hours;
  const leaks = [
    ...(perHour > limitPerHour ? [`grows by ${perHour.toFixed(1)} an hour`] : []),
    ...(restAfter - restBefore > mayKeep
      ? [`holds ${restAfter.toFixed(1)} for nobody, ${restBefore.toFixed(1)} before`]
      : []),
  ];
  return {
    process,
    figure,
    restBefore,
    restAfter,
    first: median(values.slice(0, third)),
    last: median(values.slice(-third)),
    perHour,
    limitPerHour,
    leak: leaks.length === 0 ? undefined : leaks.join(" and "),
  };
}
