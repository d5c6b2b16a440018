import { type Goal, GoalService, type NextGoalRequest } from "../../../gen/holdfast/v1/goal_pb.js";
import type { RequestOptions } from "./call/call-options.js";
import type { Caller } from "./call/caller.js";
import { durationFromMs } from "./call/duration.js";
import { entityClient, present } from "./entity/entity-client.js";
import type { ChangesOf, InputOf, SelectionOf } from "./entity/entity-types.js";
import type { Input } from "./wire/input.js";

/** A goal to create. Without an id the client makes one (UUIDv7). */
export type GoalInput = InputOf<typeof GoalService>;
/** Fields to change: a value sets, null clears, what is left out stays. */
export type GoalChanges = ChangesOf<typeof GoalService>;
/** Which goals. */
export type GoalSelection = SelectionOf<typeof GoalService>;

/** How long a goal is held. */
export interface LeaseOptions extends RequestOptions {
  /** In milliseconds from now: 1 second to 24 hours; 5 minutes unless given. */
  readonly leaseMs?: number | undefined;
}

/** Which goals may be handed out; every field given must match. */
export type NextGoalSelection = Omit<
  Input<NextGoalRequest>,
  "$typeName" | "agentId" | "leaseDuration" | "requestId"
>;

/** The goals of a tenant. Every method throws HoldfastError. */
export class Goals extends entityClient(GoalService) {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    super(caller);
    this.#caller = caller;
  }

  /**
   * Takes the ready goal of the highest priority, of these the oldest, for this agent alone and makes it
   * IN_PROGRESS; undefined when none is ready. The agent holds it until its lease expires.
   */
  async next(
    agentId: string,
    selection: NextGoalSelection = {},
    options: LeaseOptions = {},
  ): Promise<Goal | undefined> {
    const request = { ...selection, agentId, ...this.#lease(options) };
    return (await this.#caller.transport.unary(GoalService.method.nextGoal, request, options)).goal;
  }

  /** Makes the holder's lease last from now. LEASE_NOT_HELD when another has taken the goal. */
  async renewLease(id: string, agentId: string, options: LeaseOptions = {}): Promise<Goal> {
    const request = { id, agentId, ...this.#lease(options) };
    const answer = await this.#caller.transport.unary(GoalService.method.renewGoalLease, request, options);
    return present(answer.goal, "Goal");
  }

  /** Gives a goal back: the holder's lease ends and it is PENDING again. */
  async releaseGoal(id: string, agentId: string, options: RequestOptions = {}): Promise<Goal> {
    const { transport, newId } = this.#caller;
    const request = { id, agentId, requestId: options.requestId ?? newId() };
    const answer = await transport.unary(GoalService.method.releaseGoal, request, options);
    return present(answer.goal, "Goal");
  }

  #lease({ leaseMs, requestId = this.#caller.newId() }: LeaseOptions) {
    return { leaseDuration: durationFromMs("leaseMs", leaseMs), requestId };
  }
}
