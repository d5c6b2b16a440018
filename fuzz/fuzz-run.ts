import type { FuzzTarget } from "./start-target.js";

/** What one kind of fuzzing is told. */
export interface FuzzRun {
  readonly target: FuzzTarget;
  readonly cases: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}
