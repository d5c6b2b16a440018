import type { AnySchema } from "ajv";
import type { FieldViolation } from "../../core/errors.js";
import { createSchemaCompiler, type JsonField, parseJson, violationsOf } from "./compile-schema.js";

export interface ValueCheck {
  /** In which nothing was found wrong. */
  readonly schema: Uint8Array;
  readonly value: JsonField;
}

// Worker processes alone load this module.
const compiler = createSchemaCompiler();

/** What is wrong with a value by its schema. Runs in a worker process, without a limit of its own. */
export function checkValue({ schema, value: { field, json } }: ValueCheck): readonly FieldViolation[] {
  try {
    const validate = compiler.compile(parseJson(schema) as AnySchema);
    return validate(parseJson(json)) ? [] : violationsOf(field, validate);
  } catch (error) {
    const { message } = error as Error;
    return [{ field, description: `expected a value that its schema can check, got: ${message}` }];
  }
}
