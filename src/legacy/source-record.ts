import type { FieldRules } from "./field-rules.js";
import type { SourceKind } from "./source-kind.js";

/** A value larger than this cannot become an entry, and is not held in memory. */
export const MAX_VALUE_BYTES = 16 * 1024 * 1024;

/** One record as it lies in a source, ready to be mapped. */
export interface SourceRecord {
  readonly kind: SourceKind;
  readonly fields: FieldRules;
  /** Of the file, from the folder. */
  readonly file: string;
  /** Where in it: "$.goals[3]", "goals row 4". */
  readonly path: string;
  /** A JSON object; what a file has around a value may have been put around it here. */
  readonly text: string;
  /** Leaves of the text that are not in the source. */
  readonly addedLeaves: number;
  /** What stands for the id of a record that has none. */
  readonly placeId: string;
}

/** What cannot be imported as it is. */
export interface BadRecord {
  readonly file: string;
  readonly path: string;
  readonly reason: string;
  readonly raw: Buffer;
  /** Whether nothing of the file could be understood from there on. */
  readonly endsFile: boolean;
}

/** Thrown where a record cannot become an entity; its message is the reason. */
export class Unmappable extends Error {
  override readonly name = "Unmappable";
}
