import type { EntityDeclaration } from "../entities/declaration.js";
import type { FieldRules } from "./field-rules.js";

/**
 * How records lie in a file: items of a list, members of an object, of its
 * sections, the file itself, lines; or one a line, whatever its kind, as they were mended.
 */
export type FileShape = "list" | "map" | "sections" | "one" | "lines" | "records";

/** One kind of thing the older agent kept, and which of its fields are whose here. */
export interface SourceKind {
  /** With the record's own id it makes the id here: never change one. */
  readonly kind: string;
  readonly entity: EntityDeclaration;
  readonly files: readonly string[];
  readonly shape: FileShape;
  /** Members of the file's object that may hold the list. */
  readonly lists?: readonly string[];
  readonly table?: string;
  /** Source fields that may hold the record's own id, the first that is there; none: it follows from the place. */
  readonly id: readonly string[];
  /** The payload field that keeps what has no field of its own. */
  readonly rest: "metadata" | "data";
  readonly fields: FieldRules;
  /** Where the database's columns mean something else than the files' fields. */
  readonly tableFields?: FieldRules;
}
