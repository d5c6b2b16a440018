import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type {
  CrossSessionPattern,
  QueryPatternsRequest,
} from "../../../gen/holdfast/v1/cross_session_pattern_pb.js";
import { pageSize } from "../../core/page-token.js";
import { microsFromTimestamp, nowMicros } from "../../core/time.js";
import type { EntityCodec } from "../../entities/entity-codec.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { Database, ReadBounds } from "../../store/database.js";
import { rankPatterns } from "../../store/pattern-ranking.js";
import { readMinPosition } from "../../store/read-min-position.js";
import { answerTooLarge, bytesToRead } from "../answer-size.js";
import type { ListFilter } from "../list-filter.js";
import { RequestCheck } from "./request-check.js";

/** A month: what agents meet changes over weeks. The index of the ranking is made for it. */
export const DEFAULT_HALF_LIFE_SECONDS = 30 * 24 * 60 * 60;
/** Ten thousand years: past it nothing decays. */
const MAX_HALF_LIFE_SECONDS = 315_576_000_000;

export interface QueryPatternsContext {
  readonly database: Database;
  readonly codec: EntityCodec;
  readonly filter: ListFilter;
  /** Bytes of an answer, which has no pages. */
  readonly maxAnswerBytes: number;
}

export interface RankedPattern {
  readonly crossSessionPattern: CrossSessionPattern;
  readonly effectiveConfidence: number;
}

/**
 * Patterns by what their confidence is worth now.
 *
 * @throws INVALID_FIELD, POSITION_IN_FUTURE, LIMIT_EXCEEDED when they are more than an answer holds
 */
export async function queryPatterns(
  { database, codec, filter, maxAnswerBytes }: QueryPatternsContext,
  tenantId: string,
  request: QueryPatternsRequest,
  bounds?: ReadBounds,
): Promise<readonly RankedPattern[]> {
  const { halfLife, minEffectiveConfidence } = request;
  const halfLifeSeconds = halfLife
    ? Number(halfLife.seconds) + halfLife.nanos / 1e9
    : DEFAULT_HALF_LIFE_SECONDS;
  const check = new RequestCheck();
  check.range("min_effective_confidence", minEffectiveConfidence, 0, 1);
  check.range("half_life", halfLifeSeconds, 1, MAX_HALF_LIFE_SECONDS);
  check.done();
  const now = nowMicros();
  const ranking = {
    tenantId,
    conditions: filter(request.filter as FieldBag | undefined),
    halfLifeSeconds,
    minEffective: minEffectiveConfidence,
    nowSeconds: Number(now) / 1e6,
    limit: pageSize(request.limit),
    maxBytes: bytesToRead(maxAnswerBytes),
  };
  const { records: found, hasMore } = await database.read(
    tenantId,
    async (run) => {
      const [log, patterns] = await Promise.all([
        readMinPosition(run, tenantId, request),
        rankPatterns(run, codec, ranking, bounds?.turn),
      ]);
      log.check();
      return patterns;
    },
    bounds,
  );
  if (hasMore) throw answerTooLarge(ranking.maxBytes, maxAnswerBytes);
  return found.map((record) => {
    const crossSessionPattern = record as unknown as CrossSessionPattern;
    return {
      crossSessionPattern,
      effectiveConfidence: effectiveConfidence(crossSessionPattern, halfLifeSeconds, now),
    };
  });
}

/** What a pattern's confidence is worth: half of it after each half-life without use. */
export function effectiveConfidence(
  { confidence, lastUsedTime, createTime }: CrossSessionPattern,
  halfLifeSeconds: number,
  now: bigint,
): number {
  const since = microsFromTimestamp(lastUsedTime ?? (createTime as Timestamp));
  const ageSeconds = Math.max(Number(now - since) / 1e6, 0);
  return confidence * 0.5 ** (ageSeconds / halfLifeSeconds);
}
