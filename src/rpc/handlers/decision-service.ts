import { DecisionService } from "../../../gen/holdfast/v1/decision_pb.js";
import { explainAction } from "../../service/explain-action.js";
import type { Records } from "../../service/records.js";
import { defineService, type RegisteredService } from "../service.js";
import type { ServicesContext } from "./services.js";
import { standardHandlers } from "./standard-handlers.js";

/** Decisions explain actions; the rest is as with every entity. */
export function decisionService(decisions: Records, { append, events }: ServicesContext): RegisteredService {
  return defineService(DecisionService, {
    ...standardHandlers<typeof DecisionService, "Decision", "Decisions">(DecisionService, decisions, append),
    explainAction: (request, call) => explainAction(events, call.principal.tenantId, request, call),
  });
}
