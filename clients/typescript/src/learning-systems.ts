import {
  type LearningGoal,
  type LearningSystem,
  LearningSystemService,
  type RecordEpisodeRequest,
  type StrategyScore,
  type StrategySuggestion,
} from "../../../gen/holdfast/v1/learning_system_pb.js";
import type { ReadOptions, RequestOptions } from "./call/call-options.js";
import type { Caller } from "./call/caller.js";
import { minPositionOf } from "./call/min-position.js";
import { entityClient, present } from "./entity/entity-client.js";
import type { ChangesOf, InputOf, SelectionOf } from "./entity/entity-types.js";
import type { Input } from "./wire/input.js";

const { method } = LearningSystemService;

/** A learning system to create. Without an id the client makes one (UUIDv7). */
export type LearningSystemInput = InputOf<typeof LearningSystemService>;
/** Fields to change: a value sets, null clears, what is left out stays. Of maps, the keys given are set. */
export type LearningSystemChanges = ChangesOf<typeof LearningSystemService>;
/** Which learning systems. */
export type LearningSystemSelection = SelectionOf<typeof LearningSystemService>;
/** What was tried and how it went. */
export type EpisodeInput = Omit<Input<RecordEpisodeRequest>, "$typeName" | "id" | "requestId">;
/** What is to be achieved. */
export type LearningGoalInput = Omit<Input<LearningGoal>, "$typeName">;

/** How many strategies to answer with. */
export interface StrategyOptions extends ReadOptions {
  /** At most 1000; 50 unless given. */
  readonly limit?: number | undefined;
}

/** Which strategies count as good. */
export interface BestStrategyOptions extends StrategyOptions {
  /** Only strategies tried at least so often; 1 unless given. */
  readonly minSupport?: bigint | undefined;
}

/** The learning systems of a tenant. Every method throws HoldfastError. */
export class LearningSystems extends entityClient(LearningSystemService) {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    super(caller);
    this.#caller = caller;
  }

  /** Adds one episode to what is known of its strategy and its goal, exactly, however many writers there are. */
  async recordEpisode(
    id: string,
    episode: EpisodeInput,
    options: RequestOptions = {},
  ): Promise<LearningSystem> {
    const { transport, newId } = this.#caller;
    const request = { ...episode, id, requestId: options.requestId ?? newId() };
    const answer = await transport.unary(method.recordEpisode, request, options);
    return present(answer.learningSystem, "LearningSystem");
  }

  /** The strategies that did best, best first. */
  async bestStrategies(id: string, options: BestStrategyOptions = {}): Promise<readonly StrategyScore[]> {
    const { minSupport, limit } = options;
    const request = { id, minSupport, limit, ...minPositionOf(options) };
    return (await this.#caller.transport.unary(method.listBestStrategies, request, options)).strategies;
  }

  /** The strategies that promise most for a goal, by what worked for goals like it. */
  async suggest(
    id: string,
    goal: LearningGoalInput,
    options: StrategyOptions = {},
  ): Promise<readonly StrategySuggestion[]> {
    const { limit } = options;
    const request = { id, goal, limit, ...minPositionOf(options) };
    return (await this.#caller.transport.unary(method.suggestStrategies, request, options)).suggestions;
  }
}
