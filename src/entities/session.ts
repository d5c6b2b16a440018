import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import { SessionSchema, SessionService, SessionStatus } from "../../gen/holdfast/v1/session_pb.js";
import type { EntityDeclaration } from "./declaration.js";

export const session: EntityDeclaration<typeof SessionSchema> = {
  name: "session",
  table: "sessions",
  kind: EntityKind.SESSION,
  nature: "state",
  message: SessionSchema,
  service: SessionService,
  lifecycle: {
    field: "status",
    initial: SessionStatus.ACTIVE,
    mayStartLater: false,
    transitions: {
      [SessionStatus.ACTIVE]: [SessionStatus.COMPLETED, SessionStatus.FAILED, SessionStatus.ABANDONED],
    },
  },
  beginTime: "start_time",
  updatable: [
    "external_id",
    "agent_id",
    "labels",
    "type",
    "start_time",
    "goals_total",
    "goals_completed",
    "success_rate",
    "metadata",
  ],
  outputOnly: ["fork_position"],
  references: ["parent_session_id"],
  ranges: { goals_total: [0, 2 ** 31 - 1], goals_completed: [0, 2 ** 31 - 1], success_rate: [0, 1] },
  maxLengths: { type: 200 },
};
