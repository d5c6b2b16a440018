import { timestampNow } from "@bufbuild/protobuf/wkt";
import {
  type CrossSessionPattern,
  type RecordPatternUseRequest,
  RecordPatternUseRequestSchema,
} from "../../../gen/holdfast/v1/cross_session_pattern_pb.js";
import { microsFromTimestamp } from "../../core/time.js";
import type { Attribution } from "../prepared-entry.js";
import { withOutcome } from "./average.js";
import { type LearningContext, learn } from "./learn.js";

/** How many uses the confidence a pattern begins with counts for: it should give way, not vanish at once. */
const PRIOR_USES = 2;

/** Adds one use to what is known of a pattern. @throws NOT_FOUND, INVALID_FIELD */
export function recordPatternUse(
  context: LearningContext,
  tenantId: string,
  request: RecordPatternUseRequest,
  by: Attribution,
): Promise<CrossSessionPattern> {
  const now = timestampNow();
  const outcome = request.success ? 1 : 0;
  return learn(
    context,
    tenantId,
    RecordPatternUseRequestSchema,
    request,
    by,
    (pattern: CrossSessionPattern) => {
      const { successRate, usageCount, confidence, lastUsedTime } = pattern;
      const before = successRate === undefined ? undefined : { score: successRate, count: usageCount };
      const uses = withOutcome(before ?? { score: 0, count: usageCount }, outcome);
      const isLater = !lastUsedTime || microsFromTimestamp(lastUsedTime) < microsFromTimestamp(now);
      return {
        usageCount: uses.count,
        // Uses before it whose success nobody told say nothing of the rate.
        successRate: before ? uses.score : outcome,
        confidence: confidence + (outcome - confidence) / (Number(uses.count) + PRIOR_USES),
        lastUsedTime: isLater ? now : lastUsedTime,
      };
    },
  );
}
