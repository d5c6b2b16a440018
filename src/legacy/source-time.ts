import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { microsFromText, timestampFromMicros } from "../core/time.js";

const TEXT =
  /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

/** A time as the older agent wrote it, to the microsecond; without a zone it is taken as UTC. */
export interface SourceTime {
  readonly timestamp: Timestamp;
  readonly hasZone: boolean;
}

/** undefined for what is no time. */
export function sourceTime(text: string): SourceTime | undefined {
  const match = TEXT.exec(text.trim());
  if (!match) return undefined;
  const [, day, minute = "00:00", second = "00", fraction = "0", zone] = match;
  const canonical = `${day} ${minute}:${second}.${fraction.slice(0, 6)}${zone?.toUpperCase() ?? "Z"}`;
  // 31 February would silently become another day.
  const date = new Date(`${day}T${minute}:${second}Z`);
  if (Number.isNaN(date.getTime()) || !date.toISOString().startsWith(`${day}`)) return undefined;
  return { timestamp: timestampFromMicros(microsFromText(canonical)), hasZone: zone !== undefined };
}
