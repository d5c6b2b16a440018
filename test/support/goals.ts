import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Goal,
  type GoalFilterSchema,
  type GoalSchema,
  GoalService,
  GoalStatus,
  type NextGoalRequestSchema,
} from "../../gen/holdfast/v1/goal_pb.js";
import { present, type Tenant } from "./tenant.js";

export type GoalInit = MessageInitShape<typeof GoalSchema>;

const { method } = GoalService;

/** What tests do with the goals of a tenant over and over. */
export function goalsOf({ rpc }: Tenant) {
  const update = async (id: string, fields: GoalInit, paths: readonly string[] = Object.keys(fields)) => {
    const snake = paths.map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
    const request = { goal: { id, ...fields }, updateMask: { paths: snake } };
    return present((await rpc.unary(method.updateGoal, request)).goal);
  };
  return {
    async create(goal: GoalInit = {}): Promise<Goal> {
      return present((await rpc.unary(method.createGoal, { goal: { id: randomUUID(), ...goal } })).goal);
    },
    batch: (goals: GoalInit[]) => rpc.unary(method.batchCreateGoals, { goals }),
    async get(id: string): Promise<Goal> {
      return present((await rpc.unary(method.getGoal, { key: { case: "id", value: id } })).goal);
    },
    async all(filter: MessageInitShape<typeof GoalFilterSchema> = {}): Promise<Goal[]> {
      return (await rpc.unary(method.listGoals, { pageSize: 1000, filter })).goals;
    },
    update,
    become: (id: string, status: GoalStatus) => update(id, { status }),
    complete: (id: string) => update(id, { status: GoalStatus.COMPLETED }),
    async delete(id: string): Promise<void> {
      await rpc.unary(method.deleteGoal, { id });
    },
    async next(request: MessageInitShape<typeof NextGoalRequestSchema> = {}): Promise<Goal | undefined> {
      return (await rpc.unary(method.nextGoal, { agentId: "agent", ...request })).goal;
    },
    async renew(id: string, agentId: string, seconds = 60): Promise<Goal> {
      const request = { id, agentId, leaseDuration: { seconds: BigInt(seconds) } };
      return present((await rpc.unary(method.renewGoalLease, request)).goal);
    },
    async release(id: string, agentId: string): Promise<Goal> {
      return present((await rpc.unary(method.releaseGoal, { id, agentId })).goal);
    },
  };
}

export type Goals = ReturnType<typeof goalsOf>;
