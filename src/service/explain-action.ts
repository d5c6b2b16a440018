import { type DescMessage, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { Action } from "../../gen/holdfast/v1/action_pb.js";
import {
  type Decision,
  DecisionSchema,
  type ExplainActionRequest,
  type ExplainActionResponseSchema,
} from "../../gen/holdfast/v1/decision_pb.js";
import { type Observation, ObservationSchema } from "../../gen/holdfast/v1/observation_pb.js";
import { invalidFields, notFound } from "../core/errors.js";
import type { Turn } from "../core/in-turns.js";
import { isUuid } from "../core/uuid.js";
import { action } from "../entities/action.js";
import type { Codecs } from "../entities/codecs.js";
import { decision } from "../entities/decision.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import { observation } from "../entities/observation.js";
import type { Database, ReadBounds, Run } from "../store/database.js";
import { findFittingRecords } from "../store/fitting-records.js";
import { type ListRange, listRows } from "../store/list-query.js";
import { MAX_GOAL_DEPTH, readGoalLine } from "../store/read-goal-line.js";
import { readMinPosition } from "../store/read-min-position.js";
import { findRecord } from "../store/read-records.js";

/** Decisions, and observations, in one answer: more is not an explanation. */
const MAX_LINKED = 100;
/** Of those: with an action of the largest size it stays within what clients receive, 4 MiB. */
const MAX_BYTES = 2 * 1024 * 1024;

export interface ExplainContext {
  readonly database: Database;
  readonly codecs: Codecs;
}

/**
 * The chain from observation over decision and action to outcome, in one snapshot.
 *
 * @throws NOT_FOUND, POSITION_IN_FUTURE, LOG_DIVERGED, INVALID_FIELD
 */
export async function explainAction(
  { database, codecs }: ExplainContext,
  tenantId: string,
  request: ExplainActionRequest,
  bounds?: ReadBounds,
): Promise<MessageInitShape<typeof ExplainActionResponseSchema>> {
  const { actionId } = request;
  if (!isUuid(actionId)) {
    const got = actionId === "" ? "nothing" : JSON.stringify(actionId.slice(0, 80));
    throw invalidFields([{ field: "action_id", description: `expected a UUID, got ${got}` }]);
  }
  const id = actionId.toLowerCase();
  return database.read(
    tenantId,
    async (run) => {
      const [log, found, decisions, observations] = await Promise.all([
        readMinPosition(run, tenantId, request),
        findRecord(run, codecs.of(action), tenantId, { id }),
        linked<Decision>(run, codecs.of(decision), tenantId, id, bounds?.turn),
        linked<Observation>(run, codecs.of(observation), tenantId, id, bounds?.turn),
      ]);
      const head = log.check();
      if (!found) throw notFound("action", id);
      const explained = found as unknown as Action;
      const answered = new Set(
        decisions
          .slice(0, MAX_LINKED)
          .map((each) => each.observationId)
          .filter((each) => each !== ""),
      );
      const [ledBy, goals] = await Promise.all([
        findFittingRecords(
          run,
          codecs.of(observation),
          { tenantId, ids: [...answered], maxBytes: MAX_BYTES },
          bounds?.turn,
        ),
        explained.goalId === "" ? [] : readGoalLine(run, tenantId, explained.goalId),
      ]);
      const budget = { bytes: MAX_BYTES };
      const given = {
        decisions: within(DecisionSchema, decisions, budget),
        ledBy: within(ObservationSchema, ledBy.records as unknown as Observation[], budget),
        observations: within(ObservationSchema, observations, budget),
      };
      const isCut =
        ledBy.hasMore || goals.length > MAX_GOAL_DEPTH || Object.values(given).some(({ hasMore }) => hasMore);
      return {
        action: explained,
        decisions: given.decisions.items,
        ledBy: given.ledBy.items,
        observations: given.observations.items,
        goalIds: goals.slice(0, MAX_GOAL_DEPTH),
        truncated: isCut,
        position: head.position,
      };
    },
    bounds,
  );
}

/** The first of what was read: at most `MAX_LINKED`, and no more than is left of the budget. */
function within<Desc extends DescMessage>(
  schema: Desc,
  found: readonly MessageShape<Desc>[],
  budget: { bytes: number },
): { readonly items: MessageShape<Desc>[]; readonly hasMore: boolean } {
  const items: MessageShape<Desc>[] = [];
  for (const item of found.slice(0, MAX_LINKED)) {
    budget.bytes -= toBinary(schema, item).byteLength;
    if (budget.bytes < 0) break;
    items.push(item);
  }
  return { items, hasMore: items.length < found.length };
}

/** What names the action, oldest first; one more than is given, when there is more. */
async function linked<T>(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  id: string,
  turn: Turn | undefined,
): Promise<readonly T[]> {
  const range: ListRange = {
    tenantId,
    conditions: [{ kind: "any", column: "action_id", type: "uuid", values: [id] }],
    order: "oldest first",
    after: undefined,
    limit: MAX_LINKED + 1,
    maxBytes: MAX_BYTES,
  };
  const { records } = await listRows(run, codec, range, turn);
  return records as unknown as T[];
}
