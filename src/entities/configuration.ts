import { ConfigurationSchema, ConfigurationService } from "../../gen/holdfast/v1/configuration_pb.js";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import type { EntityDeclaration } from "./declaration.js";

export const configuration: EntityDeclaration<typeof ConfigurationSchema> = {
  name: "configuration",
  table: "configurations",
  kind: EntityKind.CONFIGURATION,
  nature: "state",
  message: ConfigurationSchema,
  service: ConfigurationService,
  addedLater: "metadata",
  uniqueKey: ["key", "layer", "agent_id"],
  updatable: [
    "external_id",
    "labels",
    "value",
    "type",
    "description",
    "active",
    "value_type",
    "schema",
    "metadata",
  ],
  outputOnly: ["actor", "value_redacted"],
  actor: "actor",
  secret: { field: "value", flag: "is_secret", redacted: "value_redacted" },
  required: ["key"],
  maxLengths: { key: 200, type: 200 },
};
