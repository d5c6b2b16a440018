import type { Configuration } from "../../gen/holdfast/v1/configuration_pb.js";
import { invalidFields } from "../core/errors.js";
import { checkValue } from "./configuration-value.js";
import type { EntityRules } from "./entity-rules.js";

/** A configuration's value always satisfies its type and its schema, whichever of them changes. */
export const configurationRules: EntityRules = {
  isSerialised: false,
  shape(record, previous) {
    const configuration = record as unknown as Configuration;
    const before = previous as unknown as Configuration | undefined;
    configuration.active ??= true;
    // A change keeps the very values of the fields it does not name.
    const hasValue = configuration.value !== before?.value;
    const hasTest = configuration.schema !== before?.schema || configuration.valueType !== before?.valueType;
    if (!hasValue && !hasTest) return;
    if (before?.isSecret && before.value && !hasValue) {
      // Whether the secret satisfies a schema of one's choice would give it away bit by bit.
      const description = "expected together with the type or schema of a secret, got none";
      throw invalidFields([{ field: "configuration.value", description }]);
    }
    checkValue(configuration);
  },
};
