import type { FieldViolation } from "../../core/errors.js";
import { createSchemaChecker, type JsonField } from "./json-schema.js";

// Worker threads alone load this module. The standards are read while it is loaded, before a task's time begins to run.
const checker = createSchemaChecker();

/** Runs in a worker thread. */
export function checkSchema(schema: JsonField): readonly FieldViolation[] {
  return checker.schemaViolations(schema);
}

/** Runs in a worker thread. */
export function checkValue({ schema, value }: ValueCheck): readonly FieldViolation[] {
  return checker.valueViolations(schema, value);
}

export interface ValueCheck {
  readonly schema: Uint8Array;
  readonly value: JsonField;
}
