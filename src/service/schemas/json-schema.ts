import { Ajv, type AnySchema, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { errorText, type FieldViolation } from "../../core/errors.js";
import { createSchemaPatterns } from "./schema-patterns.js";

/** Bytes of JSON, and the path of the field they are from, for violations. */
export interface JsonField {
  readonly field: string;
  readonly json: Uint8Array;
}

/** Checks schemas and values without a limit of time: a caller's schema decides how long that takes. */
export interface SchemaChecker {
  /** What keeps this from being a schema that values can be checked by. */
  schemaViolations(schema: JsonField): readonly FieldViolation[];
  /** What is wrong with a value by a schema in which nothing was wrong; each violation names its place in the value. */
  valueViolations(schema: Uint8Array, value: JsonField): readonly FieldViolation[];
}

/** What is wrong with one value, of which the first tell enough. */
const MAX_VIOLATIONS = 20;

const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;

/** A checker with both drafts of the standard read, which takes a tenth of a second. */
export function createSchemaChecker(): SchemaChecker {
  // Unknown keywords are annotations, as the standard has it; formats are too.
  const options: Options = {
    strict: false,
    validateFormats: false,
    logger: false,
    code: { regExp: createSchemaPatterns() },
  };
  /** Nothing is remembered beyond the one schema: its $id may be another's as well. */
  const alone: Options = { ...options, meta: false, validateSchema: false, addUsedSchema: false };
  const standards = { draft07: new Ajv(options), draft2020: new Ajv2020(options) };
  for (const standard of Object.values(standards)) standard.validateSchema({});

  const compile = (schema: AnySchema): ValidateFunction =>
    (isDraft07(schema) ? new Ajv(alone) : new Ajv2020(alone)).compile(schema);

  return {
    schemaViolations({ field, json }) {
      const schema = parse(json);
      if (!isSchema(schema)) return [{ field, description: "expected a JSON Schema, got something else" }];
      try {
        const standard = isDraft07(schema) ? standards.draft07 : standards.draft2020;
        if (standard.validateSchema(schema) !== true) return violations(field, standard.errors ?? []);
        return isAsync(compile(schema)) ? [{ field: `${field}/$async`, description: NO_ASYNC }] : [];
      } catch (error) {
        return [{ field, description: `expected a JSON Schema that compiles, got: ${errorText(error)}` }];
      }
    },
    valueViolations(schemaJson, { field, json }) {
      const unchecked = (got: string) => [
        { field, description: `expected a value that its schema can check, got: ${got}` },
      ];
      try {
        const validate = compile(parse(schemaJson) as AnySchema);
        // Asked, it would answer with a promise.
        if (isAsync(validate)) return unchecked("a schema with $async");
        return validate(parse(json)) ? [] : violations(field, validate.errors ?? []);
      } catch (error) {
        return unchecked(errorText(error));
      }
    },
  };
}

const NO_ASYNC = "expected no $async, which is no keyword of JSON Schema, got one";

function isAsync(validate: ValidateFunction): boolean {
  return "$async" in validate;
}

function isDraft07(schema: AnySchema): boolean {
  return typeof schema === "object" && DRAFT_07.test(String(schema.$schema));
}

function isSchema(value: unknown): value is AnySchema {
  return typeof value === "boolean" || (typeof value === "object" && value !== null && !Array.isArray(value));
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

function violations(field: string, errors: readonly ErrorObject[]): readonly FieldViolation[] {
  return errors.slice(0, MAX_VIOLATIONS).map(({ instancePath, message = "be something else", params }) => {
    const allowed = "allowedValues" in params ? `: ${JSON.stringify(params.allowedValues)}` : "";
    const wanted = message.replace(/^must NOT /, "not to ").replace(/^must /, "to ");
    return { field: `${field}${instancePath}`, description: `expected ${wanted}${allowed}` };
  });
}
