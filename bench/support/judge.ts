import type { Reach, Verdict } from "../bench.js";
import { median } from "./statistics.js";

/** A verdict with its median, and whether that reaches what is to be reached. */
export interface Judged extends Verdict {
  readonly value: number;
  readonly isMet: boolean;
}

export function judge(verdict: Verdict): Judged {
  const value = median(verdict.values);
  const isMet = "atLeast" in verdict.reach ? value >= verdict.reach.atLeast : value <= verdict.reach.atMost;
  return { ...verdict, value, isMet };
}

/** Holdfast's figure over the reference's, round by round; both in one unit. */
export function ratios(holdfast: readonly number[], reference: readonly number[]): readonly number[] {
  return holdfast.map((value, round) => value / (reference[round] ?? Number.NaN));
}

/** "1.02 × (0.98–1.05)": the median, and the least and greatest of the rounds. */
export function formatValue({ values, value, unit }: Judged): string {
  const text = (each: number) => formatFigure(each, unit);
  if (values.length < 2) return `${text(value)} ${unit}`;
  return `${text(value)} ${unit} (${text(Math.min(...values))}–${text(Math.max(...values))})`;
}

/** "≥ 0.80 ×" */
export function formatReach(reach: Reach, unit: Verdict["unit"]): string {
  const [sign, value] = "atLeast" in reach ? ["≥", reach.atLeast] : ["≤", reach.atMost];
  return `${sign} ${value} ${unit}`;
}

function formatFigure(value: number, unit: Verdict["unit"]): string {
  if (unit === "MiB" || unit === "/s") return value.toFixed(0);
  return unit === "ms" ? value.toFixed(1) : value.toFixed(2);
}
