import type { AnySchema } from "ajv";
import type { FieldViolation } from "../../core/errors.js";
import { createSchemaCompiler, type JsonField, parseJson, violationsOf } from "./compile-schema.js";

// Worker processes alone load this module. The usual standard, draft 2020-12, is read meanwhile: that takes a tenth of a
// second, which then is no part of what a schema may take.
const compiler = createSchemaCompiler();
compiler.standardOf(true);

/** What keeps this from being a schema that values can be checked by. Runs in a worker process, without a limit of its own. */
export function checkSchema({ field, json }: JsonField): readonly FieldViolation[] {
  const schema = parseJson(json);
  if (!isSchema(schema)) return [{ field, description: "expected a JSON Schema, got something else" }];
  try {
    const standard = compiler.standardOf(schema);
    if (standard.validateSchema(schema) !== true) return violationsOf(field, standard);
    compiler.compile(schema);
    return [];
  } catch (error) {
    const { message } = error as Error;
    return [{ field, description: `expected a JSON Schema that compiles, got: ${message}` }];
  }
}

function isSchema(value: unknown): value is AnySchema {
  return typeof value === "boolean" || (typeof value === "object" && value !== null && !Array.isArray(value));
}
