import type { Configuration } from "../../gen/holdfast/v1/configuration_pb.js";
import type { Payload } from "../../gen/holdfast/v1/payload_pb.js";
import { invalidFields } from "../core/errors.js";
import { checkType } from "./configuration-value.js";
import type { EntityRules } from "./entity-rules.js";
import type { SchemaValidator } from "./schemas/schema-validator.js";
import { ValidationNeeded } from "./validation-needed.js";

/** Bytes of a schema, which is kept with every revision; an honest one has some KiB. */
const MAX_SCHEMA_BYTES = 64 * 1024;

/** A schema, and the value that it is to hold of. */
interface Subject {
  readonly schema: Payload;
  readonly value: Payload | undefined;
  /** Whether it has not been in force for this configuration before, so that it may be none. */
  readonly isNewSchema: boolean;
}

/** A configuration's value always satisfies its type and its schema, whichever of them changes. */
export function configurationRules(validator: SchemaValidator): EntityRules {
  return {
    isSerialised: false,
    shape(record, previous, _view, { validated }) {
      const configuration = record as unknown as Configuration;
      const before = previous as unknown as Configuration | undefined;
      configuration.active ??= true;
      const { schema, value } = configuration;
      // A change keeps the very values of the fields it does not name.
      const hasValue = value !== before?.value;
      const hasTest = schema !== before?.schema || configuration.valueType !== before?.valueType;
      if (!hasValue && !hasTest) return;
      if (before?.isSecret && before.value && !hasValue) {
        // Whether the secret satisfies a schema of one's choice would give it away bit by bit.
        const description = "expected together with the type or schema of a secret, got none";
        throw invalidFields([{ field: "configuration.value", description }]);
      }
      checkType(configuration);
      if (!schema) return;
      const subject = { schema, value, isNewSchema: schema !== before?.schema };
      if (subject.isNewSchema) checkSize(schema);
      if (covers(validated as Subject | undefined, subject)) return;
      throw new ValidationNeeded("configuration", configuration.id, configuration.revision, subject);
    },
    async validate(tenantId, given, signal) {
      const { schema, value, isNewSchema } = given as Subject;
      if (isNewSchema) {
        await validator.checkSchema(tenantId, { field: "configuration.schema", json: schema.data }, signal);
      }
      if (!value) return;
      const json = { field: "configuration.value", json: value.data };
      await validator.checkValue(tenantId, schema.data, json, signal);
    },
  };
}

/** Whether what was validated is all that must be. */
function covers(validated: Subject | undefined, { schema, value, isNewSchema }: Subject): boolean {
  if (!validated || !isSame(validated.schema, schema) || (isNewSchema && !validated.isNewSchema))
    return false;
  return value === undefined || (validated.value !== undefined && isSame(validated.value, value));
}

/** By bytes alone: that a value is JSON by its content type is checked in every flush. */
function isSame(one: Payload, other: Payload): boolean {
  return one === other || Buffer.compare(one.data, other.data) === 0;
}

function checkSize({ data: { byteLength } }: Payload): void {
  if (byteLength <= MAX_SCHEMA_BYTES) return;
  const description = `expected at most ${MAX_SCHEMA_BYTES} bytes, got ${byteLength}`;
  throw invalidFields([{ field: "configuration.schema", description }]);
}
