import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ActionSchema, FinishActionSchema, StartActionSchema } from "../../gen/holdfast/v1/action_pb.js";
import type { DecisionSchema } from "../../gen/holdfast/v1/decision_pb.js";
import type { ObservationSchema } from "../../gen/holdfast/v1/observation_pb.js";
import type { PerformanceMetricSchema } from "../../gen/holdfast/v1/performance_metric_pb.js";
import type { EntryInit } from "./tenant.js";

/** Entries as a writer makes them: with ids, so that each may be sent again. */
export function observation(init: MessageInitShape<typeof ObservationSchema> = {}): EntryInit {
  return { entry: { case: "observation", value: { id: randomUUID(), type: "result", ...init } } };
}

export function decision(init: MessageInitShape<typeof DecisionSchema> = {}): EntryInit {
  return { entry: { case: "decision", value: { id: randomUUID(), type: "tool_choice", ...init } } };
}

export function metric(init: MessageInitShape<typeof PerformanceMetricSchema> = {}): EntryInit {
  return { entry: { case: "performanceMetric", value: { id: randomUUID(), name: "tokens", ...init } } };
}

export function action(init: MessageInitShape<typeof ActionSchema> = {}): EntryInit {
  return { entry: { case: "action", value: { id: randomUUID(), type: "web_search", ...init } } };
}

export function startAction(
  actionId: string,
  init: MessageInitShape<typeof StartActionSchema> = {},
): EntryInit {
  return { entry: { case: "startAction", value: { requestId: randomUUID(), actionId, ...init } } };
}

export function finishAction(
  actionId: string,
  init: MessageInitShape<typeof FinishActionSchema> = {},
): EntryInit {
  return { entry: { case: "finishAction", value: { requestId: randomUUID(), actionId, ...init } } };
}

/** A payload of this text, or these bytes. */
export function payload(content: string | Uint8Array, contentType = "application/json") {
  return { data: typeof content === "string" ? Buffer.from(content) : content, contentType };
}
