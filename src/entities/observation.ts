import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import { ObservationSchema, ObservationService } from "../../gen/holdfast/v1/observation_pb.js";
import type { EntityDeclaration } from "./declaration.js";

export const observation: EntityDeclaration<typeof ObservationSchema> = {
  name: "observation",
  table: "observations",
  kind: EntityKind.OBSERVATION,
  nature: "append",
  message: ObservationSchema,
  service: ObservationService,
  references: ["action_id", "goal_id"],
  maxLengths: { type: 200 },
};
