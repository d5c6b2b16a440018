import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  type ActionSelector,
  type ActionSelectorSchema,
  ActionSelectorService,
  type RecordOutcomeRequestSchema,
  SelectionStrategy,
} from "../gen/holdfast/v1/action_selector_pb.js";
import { DecisionService } from "../gen/holdfast/v1/decision_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { payload } from "./support/entries.js";
import { refusal } from "./support/refusal.js";
import { newTenant, present, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({}, {});
const { method } = ActionSelectorService;

async function createSelector(
  tenant: Tenant,
  actionSelector: MessageInitShape<typeof ActionSelectorSchema> = {},
): Promise<ActionSelector> {
  return present((await tenant.rpc.unary(method.createActionSelector, { actionSelector })).actionSelector);
}

async function record(
  tenant: Tenant,
  outcome: MessageInitShape<typeof RecordOutcomeRequestSchema>,
): Promise<ActionSelector> {
  return present((await tenant.rpc.unary(method.recordOutcome, outcome)).actionSelector);
}

async function getSelector(tenant: Tenant, id: string): Promise<ActionSelector> {
  const key = { case: "id", value: id } as const;
  return present((await tenant.rpc.unary(method.getActionSelector, { key })).actionSelector);
}

const json = (given: { data: Uint8Array } | undefined) =>
  JSON.parse(Buffer.from(present(given).data).toString());

describe("recording outcomes", () => {
  test("moves the mean and count of the action and keeps the history", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSelector(tenant, { actionScores: { wait: 0.5 } });
    const decisionId = randomUUID();
    await record(tenant, { id, action: "search", score: 1, goalType: "trip", decisionId });
    const after = await record(tenant, { id, action: "search", score: 0.25 });
    expect(after).toMatchObject({
      actionScores: { search: 0.625, wait: 0.5 },
      actionCounts: { search: 2n },
      revision: 3n,
    });
    expect(json(after.actionHistory)).toMatchObject([
      { action: "search", score: 1, goal_type: "trip", decision_id: decisionId },
      { action: "search", score: 0.25 },
    ]);
    expect(json(after.goalPatterns)).toEqual([{ goal: "trip", scores: { search: { score: 1, count: 1 } } }]);
    expect(await getSelector(tenant, id)).toEqual(after);
  });

  test("goes by the learning rate where there is one", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSelector(tenant, { learningRate: 0.5 });
    for (const score of [1, 0, 0]) await record(tenant, { id, action: "a", score });
    expect((await getSelector(tenant, id)).actionScores).toEqual({ a: 0.25 });
  });

  test("answers a retry with the first result and refuses another content under its id", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSelector(tenant);
    const request = { id, action: "a", score: 1, requestId: randomUUID() };
    const first = await record(tenant, request);
    await record(tenant, { id, action: "a", score: 0 });
    expect(await record(tenant.on(servers.app(1)), request)).toEqual(first);
    const again = await Promise.all(Array.from({ length: 5 }, () => record(tenant, request)));
    expect(again.every(({ position }) => position === first.position)).toBe(true);
    expect((await getSelector(tenant, id)).actionCounts).toEqual({ a: 2n });
    expect(await refusal(record(tenant, { ...request, score: 0.5 }))).toMatchObject({
      reason: "ID_CONFLICT",
    });
  });

  test("refuses what is no outcome, and what is not there", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSelector(tenant, { goalPatterns: payload('{"my": "own"}') });
    expect(await refusal(record(tenant, { id, score: Number.NaN, decisionId: "x" }))).toMatchObject({
      reason: "INVALID_FIELD",
      fields: ["action", "decision_id", "score"],
    });
    expect(await refusal(record(tenant, { id, action: "a", score: 1, goalType: "trip" }))).toMatchObject({
      reason: "INVALID_FIELD",
      fields: ["goal_type"],
    });
    expect(await getSelector(tenant, id)).toMatchObject({ revision: 1n });
    const stranger = newTenant(servers.app());
    expect(await refusal(record(stranger, { id, action: "a", score: 1 }))).toMatchObject({
      reason: "NOT_FOUND",
    });
  });

  test("loses nothing when two servers' writers hammer one selector", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSelector(tenant);
    const writers = 24;
    const outcomes = 15;
    const on = [tenant, tenant.on(servers.app(1))];
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let n = 0; n < outcomes; n += 1) {
          const request = { id, action: `a${n % 3}`, score: writer / 32, requestId: randomUUID() };
          const answers = await Promise.all(
            // Some are sent to both servers at once, as a client does that lost its answer.
            (n % 5 === 0 ? on : [present(on[writer % 2])]).map((each) => record(each, request)),
          );
          expect(new Set(answers.map(({ position }) => position)).size).toBe(1);
        }
      }),
    );
    const after = await getSelector(tenant, id);
    const mean = (writers - 1) / 2 / 32;
    expect(after.actionCounts).toEqual({ a0: 120n, a1: 120n, a2: 120n });
    for (const score of Object.values(after.actionScores)) expect(score).toBeCloseTo(mean, 12);
    expect(after.revision).toBe(BigInt(1 + writers * outcomes));
    expect(await expectSoundLog(servers.databaseUrl, tenant.id)).toBe(BigInt(1 + writers * outcomes));
  });
});

describe("merging", () => {
  test("weighs what was learned elsewhere by its counts", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSelector(tenant, {
      actionScores: { a: 1, own: 0.5 },
      actionCounts: { a: 3n, own: 1n },
    });
    const request = {
      id,
      actionScores: { a: 0, new: 0.25 },
      actionCounts: { a: 1n },
      requestId: randomUUID(),
    };
    const merge = async () =>
      present((await tenant.rpc.unary(method.mergeActionSelector, request)).actionSelector);
    const merged = await merge();
    expect(merged).toMatchObject({
      actionScores: { a: 0.75, own: 0.5, new: 0.25 },
      actionCounts: { a: 4n, own: 1n, new: 1n },
    });
    expect(await merge()).toEqual(merged);
    const unsound = { id, actionScores: { a: 2 }, actionCounts: { a: 0n, b: 1n } };
    expect(await refusal(tenant.rpc.unary(method.mergeActionSelector, unsound))).toMatchObject({
      fields: ['action_counts["a"]', 'action_counts["b"]', 'action_scores["a"]'],
    });
  });

  test("is what an update does with learned maps, so that two writers' keys both stay", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSelector(tenant, { actionScores: { a: 0.1 } });
    const update = async (paths: string[], actionSelector: MessageInitShape<typeof ActionSelectorSchema>) => {
      const request = { actionSelector: { id, ...actionSelector }, updateMask: { paths } };
      return present((await tenant.rpc.unary(method.updateActionSelector, request)).actionSelector);
    };
    await Promise.all(["b", "c"].map((key) => update(["action_scores"], { actionScores: { [key]: 0.5 } })));
    const merged = await update(["action_scores", "context_weights"], {
      actionScores: { a: 0.2 },
      contextWeights: { rain: 1 },
    });
    expect(merged.actionScores).toEqual({ a: 0.2, b: 0.5, c: 0.5 });
    expect(merged.contextWeights).toEqual({ rain: 1 });
    expect((await update(["action_scores"], {})).actionScores).toEqual({});
  });
});

describe("selecting an action", () => {
  test("records the choice and the scores it was made by as a decision", async () => {
    const tenant = newTenant(servers.app());
    const session = await tenant.open();
    const { id, revision } = await createSelector(tenant, {
      actionScores: { search: 0.9, guess: 0.1 },
      actionCounts: { search: 9n, guess: 9n },
      epsilon: 0,
    });
    const goalId = randomUUID();
    const request = { id, candidates: ["guess", "search"], sessionId: session.id, agentId: "scout", goalId };
    const choice = await tenant.rpc.unary(method.selectAction, request);
    expect(choice).toMatchObject({ action: "search", explored: false });
    expect(choice.scores).toMatchObject([
      { action: "guess", score: 0.1, expected: 0.1, count: 9n },
      { action: "search", score: 0.9, expected: 0.9, count: 9n },
    ]);
    const key = { case: "id", value: choice.decisionId } as const;
    const decision = present((await tenant.rpc.unary(DecisionService.method.getDecision, { key })).decision);
    expect(decision).toMatchObject({
      type: "action_selection",
      sessionId: session.id,
      agentId: "scout",
      goalId,
      actionTaken: "search",
      confidence: 0.9,
      position: choice.position,
    });
    expect(json(decision.context)).toMatchObject({ selector_id: id, strategy: "EPSILON_GREEDY" });
    expect(json(decision.alternatives)).toEqual({
      selector_revision: String(revision),
      explored: false,
      scores: [
        { action: "guess", score: 0.1, expected: 0.1, count: "9" },
        { action: "search", score: 0.9, expected: 0.9, count: "9" },
      ],
    });
  });

  test.each([SelectionStrategy.EPSILON_GREEDY, SelectionStrategy.UCB1, SelectionStrategy.THOMPSON])(
    "answers a retry with the first choice, whatever was learned since (strategy %i)",
    async (strategy) => {
      const tenant = newTenant(servers.app());
      const session = await tenant.open();
      const { id } = await createSelector(tenant, { epsilon: 0.5 });
      const candidates = ["a", "b", "c", "d"];
      const context = { rain: 0.5, sun: 0.25 };
      const request = { id, candidates, strategy, context, sessionId: session.id, requestId: randomUUID() };
      const on = [tenant, tenant.on(servers.app(1))];
      const first = await Promise.all(
        Array.from({ length: 6 }, (_, i) => present(on[i % 2]).rpc.unary(method.selectAction, request)),
      );
      for (const choice of first) expect(choice).toEqual(first[0]);
      const chosen = present(first[0]).action;
      for (const action of candidates) {
        await record(tenant, { id, action, score: action === chosen ? 0 : 1 });
      }
      await tenant.rpc.unary(SessionService.method.closeSession, { id: session.id });
      expect(await tenant.rpc.unary(method.selectAction, request)).toEqual(first[0]);
      const other = { ...request, candidates: ["a", "b"] };
      expect(await refusal(tenant.rpc.unary(method.selectAction, other))).toMatchObject({
        reason: "ID_CONFLICT",
      });
      const late = { ...request, requestId: randomUUID() };
      expect(await refusal(tenant.rpc.unary(method.selectAction, late))).toMatchObject({
        reason: "SESSION_CLOSED",
      });
      await expectSoundLog(servers.databaseUrl, tenant.id);
    },
  );

  test("chooses the same for the same seed, and learns to choose what works", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSelector(tenant);
    const request = { id, candidates: ["bad", "good", "middling"], strategy: SelectionStrategy.THOMPSON };
    const seeded = { ...request, seed: 7n };
    const [one, other] = [
      await tenant.rpc.unary(method.selectAction, seeded),
      await tenant.rpc.unary(method.selectAction, seeded),
    ];
    expect(one.scores).toEqual(other.scores);
    expect(one.decisionId).not.toBe(other.decisionId);
    const worth: Record<string, number> = { bad: 0.1, middling: 0.5, good: 0.9 };
    const chosen: string[] = [];
    for (let i = 0; i < 60; i += 1) {
      const { action, decisionId } = await tenant.rpc.unary(method.selectAction, {
        ...request,
        seed: BigInt(i),
      });
      chosen.push(action);
      await record(tenant, { id, action, score: present(worth[action]), decisionId });
    }
    const late = chosen.slice(30).filter((action) => action === "good").length;
    expect(late).toBeGreaterThan(20);
  });

  test("refuses what it cannot choose from", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSelector(tenant);
    const select = (init: object) => refusal(tenant.rpc.unary(method.selectAction, { id, ...init }));
    expect(await select({})).toMatchObject({ fields: ["candidates"] });
    expect(await select({ candidates: ["a", "a"] })).toMatchObject({ fields: ["candidates"] });
    const unsound = { candidates: ["a", ""], context: { x: Number.NaN }, strategy: 9, requestId: "x" };
    expect(await select(unsound)).toMatchObject({
      fields: ["candidates[1]", 'context["x"]', "request_id", "strategy"],
    });
    expect(await select({ id: randomUUID(), candidates: ["a"] })).toMatchObject({ reason: "NOT_FOUND" });
    await tenant.rpc.unary(method.deleteActionSelector, { id });
    expect(await select({ candidates: ["a"] })).toMatchObject({ reason: "NOT_FOUND" });
    expect(await refusal(record(tenant, { id, action: "a", score: 1 }))).toMatchObject({
      reason: "NOT_FOUND",
    });
  });
});
