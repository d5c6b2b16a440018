import type { Row } from "./columns.js";

/** A thing as a change left it: its own columns, and what the commit set. */
export interface StoredRow {
  /** What comes after its own columns is left alone. */
  readonly row: Row;
  readonly position: bigint;
  /** Microseconds since 1970. */
  readonly createMicros: bigint;
  /** The same; undefined for what is appended and never changes. */
  readonly updateMicros: bigint | undefined;
}
