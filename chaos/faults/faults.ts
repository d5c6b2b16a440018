import { failpointFaults } from "./failpoint-faults.js";
import type { Fault } from "./fault.js";
import { lossyFaults } from "./lossy-faults.js";
import { networkFaults } from "./network-faults.js";
import { postgresFaults } from "./postgres-faults.js";
import { previousVersion } from "./previous-version.js";
import { processFaults } from "./process-faults.js";
import { standbyFaults } from "./standby-faults.js";

export const FAULTS: readonly Fault[] = [
  ...processFaults,
  ...networkFaults,
  ...postgresFaults,
  ...failpointFaults,
  previousVersion,
  ...standbyFaults,
  ...lossyFaults,
];

/** What no way was found to inject, and why; told with every run. */
export const NOT_TESTED: readonly string[] = [
  "clock jumps of Postgres: its environment is cleared when it starts, and the machine's clock is everybody's; " +
    "those of a server are injected inside its process",
  "loss of power: a killed process leaves the page cache, a machine that loses power does not",
];

/** Without names, those that need no standby. @throws RangeError naming those there are. */
export function chooseFaults(names: readonly string[]): readonly Fault[] {
  if (names.length === 0) return FAULTS.filter(({ needsStandby }) => !needsStandby);
  return names.map((name) => {
    const fault = FAULTS.find((each) => each.name === name);
    if (fault) return fault;
    throw new RangeError(`expected faults among ${FAULTS.map((each) => each.name).join(",")}, got ${name}`);
  });
}
