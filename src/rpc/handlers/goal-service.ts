import { GoalService } from "../../../gen/holdfast/v1/goal_pb.js";
import { releaseGoal, renewGoalLease } from "../../service/goals/goal-lease.js";
import { nextGoal } from "../../service/goals/next-goal.js";
import type { Records } from "../../service/records.js";
import { defineService, type RegisteredService } from "../service.js";
import type { ServicesContext } from "./services.js";
import { standardHandlers } from "./standard-handlers.js";

/** Goals are handed out under leases; the rest is as with every entity. */
export function goalService(goals: Records, { append }: ServicesContext): RegisteredService {
  const { preparer } = append;
  return defineService(GoalService, {
    ...standardHandlers<typeof GoalService, "Goal", "Goals">(GoalService, goals, append),
    nextGoal: async (request, { principal }) => {
      const goal = await nextGoal(goals, preparer, principal.tenantId, request, principal);
      return goal ? { goal } : {};
    },
    renewGoalLease: async (request, { principal }) => ({
      goal: await renewGoalLease(goals, preparer, principal.tenantId, request, principal),
    }),
    releaseGoal: async (request, { principal }) => ({
      goal: await releaseGoal(goals, preparer, principal.tenantId, request, principal),
    }),
  });
}
