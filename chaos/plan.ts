import type { Fault } from "./faults/fault.js";
import type { Random } from "./random.js";

/** One fault, by what it is decided, and how long nothing happens after it. */
export interface PlannedFault {
  readonly fault: Fault;
  readonly random: Random;
  readonly pauseMs: number;
}

const LEAST_PAUSE_MS = 600;
const MOST_PAUSE_MS = 2_400;

/** Faults without end, each kind once before any comes again; the same for the same seed and kinds. */
export function* planFaults(faults: readonly Fault[], random: Random): Generator<PlannedFault, never> {
  const once = random.shuffle(faults);
  const weighted = faults.flatMap((fault) => Array.from({ length: fault.weight }, () => fault));
  for (let i = 0; ; i++) {
    const fault = once[i] ?? random.pick(weighted);
    yield { fault, random: random.fork(), pauseMs: random.between(LEAST_PAUSE_MS, MOST_PAUSE_MS) };
  }
}
