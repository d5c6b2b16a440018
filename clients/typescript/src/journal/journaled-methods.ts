import type { DescMethod, DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { ActionService } from "../../../../gen/holdfast/v1/action_pb.js";
import { ActionSelectorService } from "../../../../gen/holdfast/v1/action_selector_pb.js";
import { ConfigurationService } from "../../../../gen/holdfast/v1/configuration_pb.js";
import { CrossSessionPatternService } from "../../../../gen/holdfast/v1/cross_session_pattern_pb.js";
import { DecisionService } from "../../../../gen/holdfast/v1/decision_pb.js";
import { EventService } from "../../../../gen/holdfast/v1/event_pb.js";
import { GoalService } from "../../../../gen/holdfast/v1/goal_pb.js";
import { LearningSystemService } from "../../../../gen/holdfast/v1/learning_system_pb.js";
import { MemoryService } from "../../../../gen/holdfast/v1/memory_pb.js";
import { ObservationService } from "../../../../gen/holdfast/v1/observation_pb.js";
import { PerformanceMetricService } from "../../../../gen/holdfast/v1/performance_metric_pb.js";
import { SecurityAuditService } from "../../../../gen/holdfast/v1/security_audit_pb.js";
import { SessionService } from "../../../../gen/holdfast/v1/session_pb.js";

const SERVICES: readonly DescService[] = [
  SessionService,
  GoalService,
  MemoryService,
  ActionService,
  ObservationService,
  DecisionService,
  PerformanceMetricService,
  ActionSelectorService,
  LearningSystemService,
  CrossSessionPatternService,
  ConfigurationService,
  SecurityAuditService,
  EventService,
];

// A replay of these some time later would be something else: their answer is what they are for (which goal, which
// action, which patterns), or they are about the moment (a lease, a fork of what is there now).
const OF_THE_MOMENT = new Set([
  "nextGoal",
  "renewGoalLease",
  "releaseGoal",
  "selectAction",
  "minePatterns",
  "forkSession",
]);

const METHODS = new Map<string, DescMethodUnary>();
for (const service of SERVICES) {
  for (const method of service.methods) {
    if (!isUnary(method) || !writes(method) || OF_THE_MOMENT.has(method.localName)) continue;
    METHODS.set(methodName(method), method);
  }
}

function isUnary(method: DescMethod): method is DescMethod & DescMethodUnary {
  return method.methodKind === "unary";
}

/** "holdfast.v1.GoalService/CreateGoal". */
export function methodName(method: DescMethodUnary): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** Whether it changes anything. */
export function writes({ idempotency }: DescMethodUnary): boolean {
  return idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

/** The method of this name, if its replay at a later time is exact: it carries its ids and says all it does. */
export function journaledMethod(name: string): DescMethodUnary | undefined {
  return METHODS.get(name);
}
