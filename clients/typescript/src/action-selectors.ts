import {
  type ActionSelector,
  ActionSelectorService,
  type MergeActionSelectorRequest,
  type RecordOutcomeRequest,
  type SelectActionRequest,
  type SelectActionResponse,
} from "../../../gen/holdfast/v1/action_selector_pb.js";
import type { ReadOptions, RequestOptions } from "./call/call-options.js";
import type { Caller } from "./call/caller.js";
import { minPositionOf } from "./call/min-position.js";
import { entityClient, present } from "./entity/entity-client.js";
import type { ChangesOf, InputOf, SelectionOf } from "./entity/entity-types.js";
import type { Input } from "./wire/input.js";

const { method } = ActionSelectorService;

/** An action selector to create. Without an id the client makes one (UUIDv7). */
export type ActionSelectorInput = InputOf<typeof ActionSelectorService>;
/** Fields to change: a value sets, null clears, what is left out stays. Of maps, the keys given are set. */
export type ActionSelectorChanges = ChangesOf<typeof ActionSelectorService>;
/** Which action selectors. */
export type ActionSelectorSelection = SelectionOf<typeof ActionSelectorService>;
/** How an action went. */
export type OutcomeInput = Omit<Input<RecordOutcomeRequest>, "$typeName" | "id" | "requestId">;
/** What to choose among, and by what. */
export type Choice = Omit<
  Input<SelectActionRequest>,
  "$typeName" | "id" | "requestId" | "minPosition" | "minPositionHash"
>;
/** What was learned elsewhere. */
export type LearnedScores = Pick<Input<MergeActionSelectorRequest>, "actionScores" | "actionCounts">;

/** The action selectors of a tenant. Every method throws HoldfastError. */
export class ActionSelectors extends entityClient(ActionSelectorService) {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    super(caller);
    this.#caller = caller;
  }

  /** Adds one outcome of an action to its average and count, exactly, however many writers there are. */
  async recordOutcome(
    id: string,
    outcome: OutcomeInput,
    options: RequestOptions = {},
  ): Promise<ActionSelector> {
    const request = { ...outcome, id, requestId: this.#requestId(options) };
    const answer = await this.#caller.transport.unary(method.recordOutcome, request, options);
    return present(answer.actionSelector, "ActionSelector");
  }

  /** Chooses one of the candidates by what was learned, and records the choice as a decision. */
  select(
    id: string,
    choice: Choice,
    options: RequestOptions & ReadOptions = {},
  ): Promise<SelectActionResponse> {
    const request = { ...choice, id, ...minPositionOf(options), requestId: this.#requestId(options) };
    return this.#caller.transport.unary(method.selectAction, request, options);
  }

  /** Adds averages and counts learned elsewhere, weighted by their counts. */
  async merge(id: string, learned: LearnedScores, options: RequestOptions = {}): Promise<ActionSelector> {
    const { actionScores, actionCounts } = learned;
    const request = { id, actionScores, actionCounts, requestId: this.#requestId(options) };
    const answer = await this.#caller.transport.unary(method.mergeActionSelector, request, options);
    return present(answer.actionSelector, "ActionSelector");
  }

  #requestId({ requestId }: RequestOptions): string {
    return requestId ?? this.#caller.newId();
  }
}
