import { Ajv, type AnySchema, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { FieldViolation } from "../../core/errors.js";
import { createSchemaPatterns } from "./schema-patterns.js";

/** Bytes of JSON, and the path of the field they are from, for violations. */
export interface JsonField {
  readonly field: string;
  readonly json: Uint8Array;
}

/** What is wrong with one value, of which the first tell enough. */
const MAX_VIOLATIONS = 20;

const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;

/** Makes what checks values by a schema; how long that takes, and each check, is for whoever wrote the schema to decide. */
export interface SchemaCompiler {
  /** @throws Error that says why the schema cannot be compiled */
  compile(schema: AnySchema): ValidateFunction;
  /** The standard that a schema is written in, read already. */
  standardOf(schema: AnySchema): Ajv;
}

export function createSchemaCompiler(): SchemaCompiler {
  // Unknown keywords are annotations, as the standard has it; formats are too.
  const options: Options = {
    strict: false,
    validateFormats: false,
    logger: false,
    code: { regExp: createSchemaPatterns() },
  };
  // Nothing is remembered beyond the one schema: its $id may be another's as well.
  const alone: Options = { ...options, meta: false, validateSchema: false, addUsedSchema: false };
  const standards = new Map<boolean, Ajv>();
  return {
    compile(schema) {
      const validate = newAjv(schema, alone).compile(schema);
      // Its answer would be a promise, and one that nobody awaits ends the process.
      if (isAsync(validate)) throw new TypeError("a schema with $async, which is no keyword of JSON Schema");
      return validate;
    },
    standardOf(schema) {
      const known = standards.get(isDraft07(schema));
      if (known) return known;
      const standard = newAjv(schema, options);
      standard.validateSchema({});
      standards.set(isDraft07(schema), standard);
      return standard;
    },
  };
}

/** What JSON says; undefined if it is none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** What a check found, each with its place in what was checked. */
export function violationsOf(
  field: string,
  { errors }: Pick<ValidateFunction, "errors">,
): readonly FieldViolation[] {
  const first = (errors ?? []).slice(0, MAX_VIOLATIONS);
  return first.map((error) => ({ field: `${field}${error.instancePath}`, description: describe(error) }));
}

function describe({ message = "be something else", params }: ErrorObject): string {
  const allowed = "allowedValues" in params ? `: ${JSON.stringify(params.allowedValues)}` : "";
  const wanted = message.replace(/^must NOT /, "not to ").replace(/^must /, "to ");
  return `expected ${wanted}${allowed}`;
}

function newAjv(schema: AnySchema, options: Options): Ajv {
  return isDraft07(schema) ? new Ajv(options) : new Ajv2020(options);
}

function isDraft07(schema: AnySchema): boolean {
  return typeof schema === "object" && DRAFT_07.test(String(schema.$schema));
}

function isAsync(validate: ValidateFunction): boolean {
  return "$async" in validate;
}
