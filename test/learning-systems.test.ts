import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  type LearningSystem,
  type LearningSystemSchema,
  LearningSystemService,
  type RecordEpisodeRequestSchema,
} from "../gen/holdfast/v1/learning_system_pb.js";
import { payload } from "./support/entries.js";
import { refusal } from "./support/refusal.js";
import { newTenant, present, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({}, {});
const { method } = LearningSystemService;

async function createSystem(
  tenant: Tenant,
  learningSystem: MessageInitShape<typeof LearningSystemSchema> = {},
): Promise<LearningSystem> {
  return present((await tenant.rpc.unary(method.createLearningSystem, { learningSystem })).learningSystem);
}

async function record(
  tenant: Tenant,
  episode: MessageInitShape<typeof RecordEpisodeRequestSchema>,
): Promise<LearningSystem> {
  return present((await tenant.rpc.unary(method.recordEpisode, episode)).learningSystem);
}

async function getSystem(tenant: Tenant, id: string): Promise<LearningSystem> {
  const key = { case: "id", value: id } as const;
  return present((await tenant.rpc.unary(method.getLearningSystem, { key })).learningSystem);
}

const json = (given: { data: Uint8Array } | undefined) =>
  JSON.parse(Buffer.from(present(given).data).toString());

describe("recording episodes", () => {
  test("learns the strategy, its goal and the history", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSystem(tenant);
    const goal = { description: "Book a flight to Oslo, in May", labels: { tier: "vip" } };
    await record(tenant, { id, steps: ["search", "pay"], score: 1, goal });
    await record(tenant, { id, strategy: "ask", score: 0.25, goal: { type: "Support" } });
    const after = await record(tenant, { id, steps: ["search", "pay"], score: 0.5 });
    expect(after).toMatchObject({
      strategyScores: { "search->pay": 0.75, ask: 0.25 },
      strategyCounts: { "search->pay": 2n, ask: 1n },
      totalEpisodes: 3n,
      bestStrategies: [],
    });
    expect(json(after.patternLibrary)).toEqual([
      { goal: "book a flight to oslo tier=vip", scores: { "search->pay": { score: 1, count: 1 } } },
      { goal: "support", scores: { ask: { score: 0.25, count: 1 } } },
    ]);
    expect(json(after.history)).toMatchObject([
      { strategy: "search->pay", score: 1, steps: ["search", "pay"], goal: "book a flight to oslo tier=vip" },
      { strategy: "ask", score: 0.25, goal: "support" },
      { strategy: "search->pay", score: 0.5 },
    ]);
    expect(await getSystem(tenant, id)).toEqual(after);
  });

  test("names the best strategies once they have support", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSystem(tenant);
    const scores = { lucky: [1], fair: [0.5, 0.5, 0.5], good: [0.75, 0.75, 0.75, 0.75] };
    for (const [strategy, each] of Object.entries(scores)) {
      for (const score of each) await record(tenant, { id, strategy, score });
    }
    expect((await getSystem(tenant, id)).bestStrategies).toEqual(["good", "fair"]);
    const best = async (minSupport: bigint, limit = 0) =>
      (await tenant.rpc.unary(method.listBestStrategies, { id, minSupport, limit })).strategies;
    expect(await best(0n)).toMatchObject([
      { strategy: "lucky", score: 1, support: 1n },
      { strategy: "good", score: 0.75, support: 4n },
      { strategy: "fair", score: 0.5, support: 3n },
    ]);
    expect((await best(3n)).map(({ strategy }) => strategy)).toEqual(["good", "fair"]);
    expect((await best(2n, 1)).map(({ strategy }) => strategy)).toEqual(["good"]);
  });

  test("answers a retry with the first result", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSystem(tenant);
    const request = { id, strategy: "s", score: 1, requestId: randomUUID() };
    const first = await record(tenant, request);
    await record(tenant, { id, strategy: "s", score: 0 });
    expect(await record(tenant.on(servers.app(1)), request)).toEqual(first);
    expect(await refusal(record(tenant, { ...request, score: 0 }))).toMatchObject({ reason: "ID_CONFLICT" });
    expect((await getSystem(tenant, id)).totalEpisodes).toBe(2n);
  });

  test("refuses what is no episode and leaves a caller's own library alone", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSystem(tenant, {
      patternLibrary: payload('{"my":"own"}'),
      history: payload("{}"),
    });
    expect(await refusal(record(tenant, { id, score: 2 }))).toMatchObject({ fields: ["score", "strategy"] });
    const long = Array.from({ length: 20 }, () => "a long step");
    expect(await refusal(record(tenant, { id, steps: long, score: 1 }))).toMatchObject({
      fields: ["strategy"],
    });
    expect(await refusal(record(tenant, { id, strategy: "s", goal: { type: "t" } }))).toMatchObject({
      fields: ["goal"],
    });
    const after = await record(tenant, { id, strategy: "s", steps: long, score: 1 });
    expect([json(after.patternLibrary), json(after.history)]).toEqual([{ my: "own" }, {}]);
  });

  test("loses nothing when two servers' writers hammer one system", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSystem(tenant);
    const on = [tenant, tenant.on(servers.app(1))];
    await Promise.all(
      Array.from({ length: 16 }, async (_, writer) => {
        for (let n = 0; n < 10; n += 1) {
          const episode = { id, strategy: `s${n % 2}`, score: writer / 16, goal: { type: `g${n % 2}` } };
          await record(present(on[writer % 2]), episode);
        }
      }),
    );
    const after = await getSystem(tenant, id);
    expect(after).toMatchObject({ strategyCounts: { s0: 80n, s1: 80n }, totalEpisodes: 160n });
    expect(after.strategyScores.s0).toBeCloseTo(15 / 32, 12);
    expect(json(after.patternLibrary).map((each: { scores: object }) => each.scores)).toContainEqual({
      s0: { score: expect.closeTo(15 / 32, 12), count: 80 },
    });
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });
});

describe("suggesting strategies", () => {
  test("prefers what worked for goals like it, then what works in general", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSystem(tenant);
    const learn = async (strategy: string, score: number, times: number, type: string) => {
      for (let i = 0; i < times; i += 1) await record(tenant, { id, strategy, score, goal: { type } });
    };
    await learn("search->pay", 1, 3, "book flight");
    await learn("search->pay", 0, 5, "repair car");
    await learn("call", 0.875, 5, "repair car");
    const suggest = async (goal: { type?: string; description?: string }, limit = 0) =>
      (await tenant.rpc.unary(method.suggestStrategies, { id, goal, limit })).suggestions;
    const flight = await suggest({ description: "Please book the cheapest flight" });
    expect(flight).toMatchObject([
      { strategy: "search->pay", goalSupport: 3n, support: 8n, score: 0.375 },
      { strategy: "call", goalSupport: 0n, support: 5n, score: 0.875 },
    ]);
    // Three episodes of 1, and one of (0.375 * 8 + 0.5) / 9.
    expect(flight[0]?.expected).toBeCloseTo((3 + 3.5 / 9) / 4, 12);
    expect(flight[1]?.expected).toBeCloseTo((0.875 * 5 + 0.5) / 6, 12);
    const names = async (...args: Parameters<typeof suggest>) =>
      (await suggest(...args)).map(({ strategy }) => strategy);
    expect(await names({ type: "Repair car" })).toEqual(["call", "search->pay"]);
    expect(await names({ description: "something else" })).toEqual(["call", "search->pay"]);
    expect(await names({ type: "book flight" }, 1)).toEqual(["search->pay"]);
  });

  test("is of one tenant's system as of a position, and of one that is there", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await createSystem(tenant);
    const { position } = await record(tenant, { id, strategy: "s", score: 1 });
    const there = await tenant
      .on(servers.app(1))
      .rpc.unary(method.suggestStrategies, { id, minPosition: position });
    expect(there.suggestions).toMatchObject([{ strategy: "s", expected: 0.75 }]);
    const suggest = (each: Tenant, minPosition = 0n) =>
      refusal(each.rpc.unary(method.suggestStrategies, { id, minPosition }));
    expect(await suggest(tenant, position + 1n)).toMatchObject({ reason: "POSITION_IN_FUTURE" });
    expect(await suggest(newTenant(servers.app()))).toMatchObject({ reason: "NOT_FOUND" });
    await tenant.rpc.unary(method.deleteLearningSystem, { id });
    expect(await suggest(tenant)).toMatchObject({ reason: "NOT_FOUND" });
  });
});
