import { createContext, Script } from "node:vm";
import { Ajv, type AnySchema, type ErrorObject, type Options } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { FieldViolation } from "../core/errors.js";

/** Bytes of a schema: its compilation and every check of it take the server's one thread. */
const MAX_SCHEMA_BYTES = 64 * 1024;
/**
 * How long one schema may take to compile and one value to check. A regular expression
 * can take for ever, and then everybody waits.
 */
const MAX_CHECK_MS = 500;
/** What is wrong with one value, of which the first tell enough. */
const MAX_VIOLATIONS = 20;

const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;

// Unknown keywords are annotations, as the standard has it; formats are too.
const OPTIONS: Options = { strict: false, validateFormats: false, logger: false };
/** Nothing is remembered beyond the one schema: its $id may be another's as well. */
const ALONE: Options = { ...OPTIONS, meta: false, validateSchema: false, addUsedSchema: false };

/** Checks schemas against the standard they are written in. */
export type SchemaChecker = (schema: Uint8Array, field: string) => readonly FieldViolation[];

/** A checker that knows the drafts it has met: reading one takes a tenth of a second. */
export function createSchemaChecker(): SchemaChecker {
  const standards = new Map<string, Ajv>();
  const standardOf = (schema: AnySchema): Ajv => {
    const name = isDraft07(schema) ? "07" : "2020";
    const known = standards.get(name);
    if (known) return known;
    const standard = newAjv(schema, OPTIONS);
    // Has it read the standard now, rather than within some caller's time.
    standard.validateSchema({});
    standards.set(name, standard);
    return standard;
  };
  return (bytes, field) => {
    if (bytes.byteLength > MAX_SCHEMA_BYTES) {
      const description = `expected at most ${MAX_SCHEMA_BYTES} bytes, got ${bytes.byteLength}`;
      return [{ field, description }];
    }
    const schema = parse(bytes);
    if (!isSchema(schema)) return [{ field, description: "expected a JSON Schema, got something else" }];
    try {
      const standard = standardOf(schema);
      return limited(() => {
        if (standard.validateSchema(schema) !== true) return violations(field, standard.errors ?? []);
        newAjv(schema, ALONE).compile(schema);
        return [];
      });
    } catch (error) {
      return [{ field, description: `expected a JSON Schema that compiles, got: ${reason(error)}` }];
    }
  };
}

/** What is wrong with a value by a schema that was found sound; each names its place in the value. */
export function schemaViolations(
  schemaBytes: Uint8Array,
  value: unknown,
  field: string,
): readonly FieldViolation[] {
  const schema = parse(schemaBytes) as AnySchema;
  try {
    return limited(() => {
      const validate = newAjv(schema, { ...ALONE, allErrors: false }).compile(schema);
      return validate(value) ? [] : violations(field, validate.errors ?? []);
    });
  } catch (error) {
    return [{ field, description: `expected a value that its schema can check, got: ${reason(error)}` }];
  }
}

function newAjv(schema: AnySchema, options: Options): Ajv {
  return isDraft07(schema) ? new Ajv(options) : new Ajv2020(options);
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

/** The one way to interrupt a regular expression in this thread. */
function limited<T>(run: () => T): T {
  const context = createContext({ run });
  return new Script("run()").runInContext(context, { timeout: MAX_CHECK_MS }) as T;
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "ERR_SCRIPT_EXECUTION_TIMEOUT" ? `more than ${MAX_CHECK_MS} ms of work` : `${message}`;
}

function violations(field: string, errors: readonly ErrorObject[]): readonly FieldViolation[] {
  return errors.slice(0, MAX_VIOLATIONS).map(({ instancePath, message = "be something else", params }) => {
    const allowed = "allowedValues" in params ? `: ${JSON.stringify(params.allowedValues)}` : "";
    const wanted = message.replace(/^must NOT /, "not to ").replace(/^must /, "to ");
    return { field: `${field}${instancePath}`, description: `expected ${wanted}${allowed}` };
  });
}
