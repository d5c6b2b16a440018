import type { Duration } from "@bufbuild/protobuf/wkt";
import type { FieldViolation } from "../../core/errors.js";

const SECOND = 1_000_000n;
/** Less would expire while the answer travels. */
const MIN_LEASE = SECOND;
/** Who needs longer renews: until then nobody takes over from a caller that died. */
const MAX_LEASE = 24n * 3600n * SECOND;
const DEFAULT_LEASE = 300n * SECOND;

/** A lease's duration in microseconds; adds to `violations` if it is out of range. */
export function leaseMicros(duration: Duration | undefined, violations: FieldViolation[]): bigint {
  if (!duration) return DEFAULT_LEASE;
  const micros = duration.seconds * SECOND + BigInt(Math.trunc(duration.nanos / 1000));
  if (micros < MIN_LEASE || micros > MAX_LEASE) {
    const description = `expected 1 second to 24 hours, got ${Number(micros) / 1e6} seconds`;
    violations.push({ field: "lease_duration", description });
  }
  return micros;
}
