/** The guarantees of docs/GUARANTEES.md, each the name of a validator. */
export const GUARANTEES = [
  "Durable",
  "ExactlyOnce",
  "Ordered",
  "Gapless",
  "Atomic",
  "Resumable",
  "Bookmarked",
  "Isolated",
  "Convergent",
  "Live",
] as const;

export type Guarantee = (typeof GUARANTEES)[number];

/** One thing that was promised and is not so. */
export interface Violation {
  readonly guarantee: Guarantee;
  readonly text: string;
}
