import {
  type CrossSessionPattern,
  CrossSessionPatternService,
  type MinePatternsRequest,
  type MinePatternsResponse,
  type RankedPattern,
} from "../../../gen/holdfast/v1/cross_session_pattern_pb.js";
import type { CallOptions, ReadOptions, RequestOptions } from "./call/call-options.js";
import type { Caller } from "./call/caller.js";
import { durationFromMs } from "./call/duration.js";
import { minPositionOf } from "./call/min-position.js";
import { entityClient, present } from "./entity/entity-client.js";
import type { ChangesOf, InputOf, SelectionOf } from "./entity/entity-types.js";
import type { Input } from "./wire/input.js";

const { method } = CrossSessionPatternService;

/** A pattern to create. Without an id the client makes one (UUIDv7). */
export type CrossSessionPatternInput = InputOf<typeof CrossSessionPatternService>;
/** Fields to change: a value sets, null clears, what is left out stays. */
export type CrossSessionPatternChanges = ChangesOf<typeof CrossSessionPatternService>;
/** Which patterns. */
export type CrossSessionPatternSelection = SelectionOf<typeof CrossSessionPatternService>;
/** Which sessions to mine, and what for. */
export type MiningInput = Omit<Input<MinePatternsRequest>, "$typeName">;

/** How patterns are ranked, and how many are wanted. */
export interface RankingOptions extends ReadOptions {
  /** What the confidence must still be worth, 0 to 1. */
  readonly minEffectiveConfidence?: number | undefined;
  /** In which time an unused pattern's confidence halves, in milliseconds, at least a second; 30 days unless given. */
  readonly halfLifeMs?: number | undefined;
  /** At most 1000; 50 unless given. */
  readonly limit?: number | undefined;
}

/** The cross-session patterns of a tenant. Every method throws HoldfastError. */
export class CrossSessionPatterns extends entityClient(CrossSessionPatternService) {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    super(caller);
    this.#caller = caller;
  }

  /** Adds one use, and whether it succeeded, exactly, however many writers there are. */
  async recordUse(id: string, success: boolean, options: RequestOptions = {}): Promise<CrossSessionPattern> {
    const { transport, newId } = this.#caller;
    const request = { id, success, requestId: options.requestId ?? newId() };
    const answer = await transport.unary(method.recordPatternUse, request, options);
    return present(answer.crossSessionPattern, "CrossSessionPattern");
  }

  /** Patterns by what their confidence is worth now, highest first. */
  async query(
    filter: CrossSessionPatternSelection = {},
    options: RankingOptions = {},
  ): Promise<readonly RankedPattern[]> {
    const { minEffectiveConfidence, halfLifeMs, limit } = options;
    const halfLife = durationFromMs("halfLifeMs", halfLifeMs);
    const request = { filter, minEffectiveConfidence, halfLife, limit, ...minPositionOf(options) };
    return (await this.#caller.transport.unary(method.queryPatterns, request, options)).patterns;
  }

  /**
   * Finds the sequences of actions that occur in many finished sessions and keeps them as patterns. A sequence
   * found again is the same pattern, so mining twice is safe.
   */
  mine(mining: MiningInput = {}, options?: CallOptions): Promise<MinePatternsResponse> {
    return this.#caller.transport.unary(method.minePatterns, mining, options);
  }
}
