import { create } from "@bufbuild/protobuf";
import {
  type ActionSelector,
  type SelectActionRequest,
  SelectionStrategy,
} from "../../../gen/holdfast/v1/action_selector_pb.js";
import { type Decision, DecisionSchema } from "../../../gen/holdfast/v1/decision_pb.js";
import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import { HoldfastError, notFound } from "../../core/errors.js";
import { mapInTurns, type Turn } from "../../core/in-turns.js";
import { uuidV7 } from "../../core/uuid.js";
import type { FieldBag } from "../../entities/field-codec.js";
import { NO_MIN_POSITION } from "../../store/read-min-position.js";
import type { Attribution } from "../prepared-entry.js";
import type { Records } from "../records.js";
import { type CandidateScore, type Choice, chooseAction } from "./choose-action.js";
import { contextSums } from "./context-sums.js";
import { jsonFromPayload, jsonPayload } from "./json-payload.js";
import { seededRandom } from "./random.js";
import { RequestCheck } from "./request-check.js";

/** Actions to choose from: all are in the decision, with their scores. */
const MAX_CANDIDATES = 1000;

/** The type of the decisions that choices are recorded as. */
const DECISION_TYPE = "action_selection";

export interface Selection {
  readonly action: string;
  readonly scores: readonly CandidateScore[];
  readonly explored: boolean;
  readonly decisionId: string;
  readonly position: bigint;
}

/**
 * Chooses an action and records the choice. The decision's id is the request's,
 * and its context says what was asked: so a retry finds the first choice.
 *
 * @throws NOT_FOUND, INVALID_FIELD, ID_CONFLICT, SESSION_NOT_FOUND, SESSION_CLOSED, POSITION_IN_FUTURE
 */
export async function selectAction(
  { selectors, decisions }: { readonly selectors: Records; readonly decisions: Records },
  tenantId: string,
  request: SelectActionRequest,
  by: Attribution,
  turn?: Turn,
): Promise<Selection> {
  checkRequest(request);
  const id = request.requestId.toLowerCase();
  const asked = decisionOf(request, id || uuidV7());
  const earlier = id === "" ? undefined : await findSelection(decisions, tenantId, asked);
  if (earlier) return earlier;
  const selector = (await selectors.get(tenantId, {
    key: { case: "id", value: request.id },
    minPosition: request.minPosition,
    minPositionHash: request.minPositionHash,
  })) as unknown as ActionSelector;
  if (selector.deleteTime) throw notFound("action_selector", selector.id);
  const sumOf = await contextSums(selector.contextWeights, request.context, request.candidates, turn);
  // A thousand candidates may have to be compared by ten thousand weights.
  const sums = new Map(await mapInTurns(request.candidates, (action) => [action, sumOf(action)], turn));
  const random = seededRandom(String(request.seed ?? asked.id));
  const choice = chooseAction(selector, request, (action) => sums.get(action) ?? 0, random);
  try {
    const stored = await decisions.create(tenantId, withChoice(asked, selector, choice), by);
    return selectionOf(stored as unknown as Decision);
  } catch (error) {
    const isTaken = error instanceof HoldfastError && error.reason === ErrorReason.ID_CONFLICT;
    // The same request came twice at once: the one stored first counts.
    const first = isTaken && (await findSelection(decisions, tenantId, asked));
    if (first) return first;
    throw error;
  }
}

function checkRequest(request: SelectActionRequest): void {
  const { candidates, strategy } = request;
  const check = new RequestCheck();
  check.range("candidates", candidates.length, 1, MAX_CANDIDATES);
  for (const [i, candidate] of candidates.entries()) check.name(`candidates[${i}]`, candidate);
  if (new Set(candidates).size < candidates.length) {
    check.refuse("candidates", "expected different ones, got one twice");
  }
  for (const [feature, value] of Object.entries(request.context)) {
    if (!Number.isFinite(value)) {
      check.refuse(`context[${JSON.stringify(feature)}]`, `expected a finite number, got ${value}`);
    }
  }
  if (SelectionStrategy[strategy] === undefined) {
    check.refuse("strategy", `expected a SelectionStrategy, got the number ${strategy}`);
  }
  check.reference("request_id", request.requestId);
  check.done();
}

/** The decision as far as the request settles it. */
function decisionOf(request: SelectActionRequest, id: string): Decision {
  const { strategy, context, goalType, seed } = request;
  const asked = {
    selector_id: request.id.toLowerCase(),
    strategy: strategyName(strategy),
    candidates: request.candidates,
    context: Object.fromEntries(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))),
    ...(goalType !== "" && { goal_type: goalType }),
    ...(seed !== undefined && { seed: String(seed) }),
  };
  return create(DecisionSchema, {
    id,
    sessionId: request.sessionId.toLowerCase(),
    agentId: request.agentId,
    goalId: request.goalId.toLowerCase(),
    type: DECISION_TYPE,
    context: jsonPayload(JSON.stringify(asked)),
  });
}

function withChoice(decision: Decision, selector: ActionSelector, choice: Choice): FieldBag {
  const { chosen, explored } = choice;
  // Proto JSON writes what JSON has no number for as a string: "Infinity".
  const scores = choice.scores.map(({ action, score, expected, count }) => ({
    action,
    score: Number.isFinite(score) ? score : String(score),
    expected,
    count: String(count),
  }));
  const alternatives = { selector_revision: String(selector.revision), explored, scores };
  return Object.assign(decision, {
    alternatives: jsonPayload(JSON.stringify(alternatives)),
    actionTaken: chosen.action,
    confidence: Math.min(Math.max(chosen.expected, 0), 1),
    reasoning: explored
      ? `explored: any of ${scores.length} at random`
      : `the highest score of ${scores.length}`,
  }) as unknown as FieldBag;
}

/** The choice made earlier for the same request; undefined if there is none. @throws ID_CONFLICT */
async function findSelection(
  decisions: Records,
  tenantId: string,
  asked: Decision,
): Promise<Selection | undefined> {
  const [found] = await decisions.batchGet(tenantId, [asked.id], NO_MIN_POSITION);
  if (!found) return undefined;
  const decision = found as unknown as Decision;
  if (requestText(decision) === requestText(asked)) {
    await decisions.confirm(tenantId);
    return selectionOf(decision);
  }
  throw new HoldfastError(
    ErrorReason.ID_CONFLICT,
    `the id ${asked.id} was used before for a decision that differs from this`,
    { metadata: { entity: "decision", id: asked.id } },
  );
}

function requestText({ type, context, sessionId, agentId, goalId }: Decision): string {
  const text = Buffer.from(context?.data ?? []).toString("utf8");
  return JSON.stringify([type, text, sessionId, agentId, goalId]);
}

function selectionOf(decision: Decision): Selection {
  const recorded = (decision.alternatives && jsonFromPayload(decision.alternatives)?.value) as {
    readonly explored: boolean;
    readonly scores: readonly { action: string; score: number | string; expected: number; count: string }[];
  };
  return {
    action: decision.actionTaken,
    explored: recorded.explored,
    scores: recorded.scores.map((each) => ({
      ...each,
      score: Number(each.score),
      count: BigInt(each.count),
    })),
    decisionId: decision.id,
    position: decision.position,
  };
}

function strategyName(strategy: SelectionStrategy): string {
  return SelectionStrategy[strategy || SelectionStrategy.EPSILON_GREEDY] ?? "";
}
