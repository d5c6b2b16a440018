import type { DescService } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { file_holdfast_v1_action } from "../../../../gen/holdfast/v1/action_pb.js";
import { file_holdfast_v1_action_selector } from "../../../../gen/holdfast/v1/action_selector_pb.js";
import { file_holdfast_v1_configuration } from "../../../../gen/holdfast/v1/configuration_pb.js";
import { file_holdfast_v1_cross_session_pattern } from "../../../../gen/holdfast/v1/cross_session_pattern_pb.js";
import { file_holdfast_v1_decision } from "../../../../gen/holdfast/v1/decision_pb.js";
import { file_holdfast_v1_event } from "../../../../gen/holdfast/v1/event_pb.js";
import { file_holdfast_v1_goal } from "../../../../gen/holdfast/v1/goal_pb.js";
import { file_holdfast_v1_learning_system } from "../../../../gen/holdfast/v1/learning_system_pb.js";
import { file_holdfast_v1_memory } from "../../../../gen/holdfast/v1/memory_pb.js";
import { file_holdfast_v1_observation } from "../../../../gen/holdfast/v1/observation_pb.js";
import { file_holdfast_v1_performance_metric } from "../../../../gen/holdfast/v1/performance_metric_pb.js";
import { file_holdfast_v1_security_audit } from "../../../../gen/holdfast/v1/security_audit_pb.js";
import { file_holdfast_v1_session } from "../../../../gen/holdfast/v1/session_pb.js";
import { journaledMethod, methodName, writes } from "./journaled-methods.js";

const services: readonly DescService[] = [
  file_holdfast_v1_action,
  file_holdfast_v1_action_selector,
  file_holdfast_v1_configuration,
  file_holdfast_v1_cross_session_pattern,
  file_holdfast_v1_decision,
  file_holdfast_v1_event,
  file_holdfast_v1_goal,
  file_holdfast_v1_learning_system,
  file_holdfast_v1_memory,
  file_holdfast_v1_observation,
  file_holdfast_v1_performance_metric,
  file_holdfast_v1_security_audit,
  file_holdfast_v1_session,
].flatMap((file) => file.services);

test("every method that writes carries an id of its own and is journaled, or is about the moment", () => {
  const ofTheMoment: string[] = [];
  for (const method of services.flatMap((service) => service.methods)) {
    if (method.methodKind !== "unary" || !writes(method as never)) continue;
    if (journaledMethod(methodName(method as never)) === undefined) {
      ofTheMoment.push(method.name);
      continue;
    }
    // A change carries the id of the change; what is created carries its own, and takes a request as often as it comes.
    const creates = /^(Create|BatchCreate|Open|Append)/.test(method.name);
    expect("requestId" in method.input.field, method.name).toBe(!creates);
  }
  expect(ofTheMoment.sort()).toEqual(
    ["ForkSession", "MinePatterns", "NextGoal", "ReleaseGoal", "RenewGoalLease", "SelectAction"].sort(),
  );
});
