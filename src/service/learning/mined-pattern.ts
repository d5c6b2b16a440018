import { create } from "@bufbuild/protobuf";
import {
  type CrossSessionPattern,
  CrossSessionPatternSchema,
} from "../../../gen/holdfast/v1/cross_session_pattern_pb.js";
import type { SessionFilter } from "../../../gen/holdfast/v1/session_pb.js";
import { uuidV5 } from "../../core/uuid.js";
import { jsonPayload } from "./json-payload.js";
import type { FrequentSequence } from "./mine-sequences-task.js";

/** An arbitrary UUID under which the ids of mined patterns are made. It must never change. */
const MINED_PATTERNS = "5b0f0d1e-7c0a-4b63-9a63-0d7d2f1f6a54";

/** The type of the patterns that sequences are kept as. */
const MINED_TYPE = "action_sequence";

/** Of a description: the actions are whole in the data. */
const MAX_DESCRIPTION_LENGTH = 500;

/** A sequence as the pattern it is kept as, with the same id whenever it is found again among the same sessions. */
export function minedPattern(
  tenantId: string,
  filter: SessionFilter | undefined,
  sequence: FrequentSequence,
): CrossSessionPattern {
  const { actions, support, occurrences, successRate } = sequence;
  const scope = patternScope(filter);
  const [agentId, ...otherAgents] = filter?.agentIds ?? [];
  return create(CrossSessionPatternSchema, {
    id: uuidV5(MINED_PATTERNS, JSON.stringify([tenantId, actions, ...scope])),
    type: MINED_TYPE,
    agentId: otherAgents.length === 0 ? (agentId ?? "") : "",
    description: actions.join(" -> ").slice(0, MAX_DESCRIPTION_LENGTH),
    data: jsonPayload(JSON.stringify({ actions, support, occurrences, success_rate: successRate })),
    // Laplace's rule: what was seen in few sessions is held with less confidence.
    confidence: (successRate * support + 1) / (support + 2),
    successRate,
  });
}

/**
 * The fields of a kept pattern that mining changes; none if it says the same.
 * Once uses are recorded, what they taught stands.
 */
export function minedChanges(
  kept: CrossSessionPattern,
  found: CrossSessionPattern,
): Readonly<Partial<CrossSessionPattern>> {
  const isSame = Buffer.from(kept.data?.data ?? []).equals(Buffer.from(found.data?.data ?? []));
  if (isSame) return {};
  const { data, confidence, successRate } = found;
  return kept.usageCount > 0n || successRate === undefined
    ? { ...(data && { data }) }
    : { ...(data && { data }), confidence, successRate };
}

/** What of the filter makes a sequence another pattern; times do not, so that a later mining renews it. */
function patternScope(filter: SessionFilter | undefined): readonly unknown[] {
  if (!filter) return [];
  const { agentIds, types, statuses, labels } = filter;
  const scope = {
    ...(agentIds.length > 0 && { agents: [...new Set(agentIds)].sort() }),
    ...(types.length > 0 && { types: [...new Set(types)].sort() }),
    ...(statuses.length > 0 && { statuses: [...new Set(statuses)].sort((a, b) => a - b) }),
    ...(Object.keys(labels).length > 0 && { labels: Object.entries(labels).sort() }),
  };
  return Object.keys(scope).length > 0 ? [scope] : [];
}
