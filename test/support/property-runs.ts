/** Of the inputs that a property is tried with, the share that CI has time for. */
const CI_SHARE = 1 / 3;

/**
 * How many inputs a property is tried with that costs seconds: a third of `all`, and all of them in
 * `npm run verify:long`. Where fast-check chooses the seed each run tries others.
 */
export function propertyRuns(all: number): number {
  return process.env.HOLDFAST_TEST_ALL_RUNS === "1" ? all : Math.ceil(all * CI_SHARE);
}
