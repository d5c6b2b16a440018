import { DecisionService, type ExplainActionResponse } from "../../../gen/holdfast/v1/decision_pb.js";
import type { ReadOptions } from "./call/call-options.js";
import type { Caller } from "./call/caller.js";
import { minPositionOf } from "./call/min-position.js";
import { entityClient } from "./entity/entity-client.js";
import type { SelectionOf } from "./entity/entity-types.js";

/** Which decisions. */
export type DecisionSelection = SelectionOf<typeof DecisionService>;

/** The decisions of a tenant. Every method throws HoldfastError. To record steadily use a recorder. */
export class Decisions extends entityClient(DecisionService) {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    super(caller);
    this.#caller = caller;
  }

  /** Why an action was done and what came of it: what led to it, the action, what was observed of it. */
  explain(actionId: string, options: ReadOptions = {}): Promise<ExplainActionResponse> {
    const request = { actionId, ...minPositionOf(options) };
    return this.#caller.transport.unary(DecisionService.method.explainAction, request, options);
  }
}
