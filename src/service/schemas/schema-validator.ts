import { type FieldViolation, refuseViolations } from "../../core/errors.js";
import { WorkLimitError } from "../../workers/work-limit-error.js";
import type { WorkerPool } from "../../workers/worker-pool.js";
import { type WorkerTask, workerTask } from "../../workers/worker-task.js";
import type { ValueCheck } from "./check-value-task.js";
import type { JsonField } from "./compile-schema.js";

/** Checks JSON Schemas, and values by them, in worker processes, for as long as the setting allows. */
export interface SchemaValidator {
  /** @throws INVALID_FIELD if this is no schema that values can be checked by; OVERLOADED */
  checkSchema(tenantId: string, schema: JsonField, signal: AbortSignal): Promise<void>;
  /** @throws INVALID_FIELD if the value breaks the schema, which was checked before; OVERLOADED */
  checkValue(tenantId: string, schema: Uint8Array, value: JsonField, signal: AbortSignal): Promise<void>;
}

const CHECK_SCHEMA = workerTask<JsonField, readonly FieldViolation[]>(
  import.meta.url,
  "./check-schema-task.js",
  "checkSchema",
);
const CHECK_VALUE = workerTask<ValueCheck, readonly FieldViolation[]>(
  import.meta.url,
  "./check-value-task.js",
  "checkValue",
);

export function createSchemaValidator(workers: WorkerPool, timeLimitMs: number): SchemaValidator {
  const refuse = async <A>(
    tenantId: string,
    task: WorkerTask<A, readonly FieldViolation[]>,
    argument: A,
    signal: AbortSignal,
    onLimit: (error: WorkLimitError) => FieldViolation,
  ) => {
    let violations: readonly FieldViolation[];
    try {
      violations = await workers.run(tenantId, task, argument, { timeLimitMs, signal });
    } catch (error) {
      if (!(error instanceof WorkLimitError)) throw error;
      violations = [onLimit(error)];
    }
    refuseViolations(violations);
  };
  return {
    checkSchema: (tenantId, { field, json }, signal) =>
      refuse(tenantId, CHECK_SCHEMA, { field, json: own(json) }, signal, ({ message }) => ({
        field,
        description: `expected a JSON Schema that compiles, got: ${message}`,
      })),
    checkValue: (tenantId, schema, { field, json }, signal) =>
      refuse(
        tenantId,
        CHECK_VALUE,
        { schema: own(schema), value: { field, json: own(json) } },
        signal,
        ({ message }) => ({
          field,
          description: `expected a value that its schema can check, got: ${message}`,
        }),
      ),
  };
}

/** The bytes alone: a task that waits would keep the whole request in memory, which may be 4 MiB. */
function own(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
