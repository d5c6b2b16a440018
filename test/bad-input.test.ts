import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { EventService } from "../gen/holdfast/v1/event_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { action, decision, metric, observation, payload } from "./support/entries.js";
import { errorOf, refusal, refusalFromStatus, refusals, rejectionsByIndex } from "./support/refusal.js";
import { type EntryInit, newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const servers = useServers({});
const MIB = 1 << 20;
const NUL = "a\0b";

const tooMany = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ""]));
const notATime = { seconds: 253_402_300_800n };

const WRONG_ENTRIES: readonly (readonly [name: string, entry: EntryInit, fields: readonly string[]])[] = [
  ["no kind", {}, ["entry"]],
  [
    "ids that are no UUIDs",
    observation({
      id: "1",
      sessionId: "2",
      actionId: "{00000000-0000-0000-0000-000000000000}",
      goalId: "\0",
    }),
    ["observation.action_id", "observation.goal_id", "observation.id", "observation.session_id"],
  ],
  [
    "NUL in every text",
    decision({
      externalId: NUL,
      agentId: NUL,
      labels: { k: NUL },
      type: NUL,
      reasoning: NUL,
      actionTaken: NUL,
      outcome: NUL,
      context: payload("{}", NUL),
    }),
    [
      "decision.action_taken",
      "decision.agent_id",
      "decision.context.content_type",
      "decision.external_id",
      "decision.labels",
      "decision.outcome",
      "decision.reasoning",
      "decision.type",
    ],
  ],
  ["NUL in a label's key", observation({ labels: { [NUL]: "" } }), ["observation.labels"]],
  ["NUL in a metric's key", observation({ metrics: { [NUL]: 1 } }), ["observation.metrics"]],
  ["NUL in a list", action({ prerequisites: ["fine", NUL] }), ["action.prerequisites"]],
  [
    "names that are too long",
    observation({ externalId: "x".repeat(201), agentId: "x".repeat(201), type: "x".repeat(201) }),
    ["observation.agent_id", "observation.external_id", "observation.type"],
  ],
  ["too many labels", observation({ labels: tooMany }), ["observation.labels"]],
  ["too many tags", metric({ tags: tooMany }), ["performance_metric.tags"]],
  ["too many prerequisites", action({ prerequisites: Object.keys(tooMany) }), ["action.prerequisites"]],
  ["a label that is too long", observation({ labels: { k: "x".repeat(1001) } }), ["observation.labels"]],
  [
    "a long media type",
    observation({ data: payload("", "x".repeat(256)) }),
    ["observation.data.content_type"],
  ],
  [
    "times past year 9999 or out of form",
    action({ startTime: notATime, completeTime: { seconds: 0n, nanos: 1_000_000_000 } }),
    ["action.complete_time", "action.start_time"],
  ],
  [
    "a time before year 1",
    observation({ occurTime: { seconds: -62_135_596_801n } }),
    ["observation.occur_time"],
  ],
  ["a score that is no number", action({ successScore: Number.NaN }), ["action.success_score"]],
  ["a score out of range", action({ successScore: 1.0000001 }), ["action.success_score"]],
  ["a confidence out of range", decision({ confidence: 1.5 }), ["decision.confidence"]],
  ["a status that is none", action({ status: 7 as never }), ["action.status"]],
  ["a negative status", action({ status: -1 as never }), ["action.status"]],
  ["a metric without a name", metric({ name: "" }), ["performance_metric.name"]],
  [
    "a start of nothing",
    { entry: { case: "startAction", value: { requestId: "x", startTime: notATime } } },
    ["start_action.action_id", "start_action.request_id"],
  ],
];

describe("an entry with", () => {
  test.each(WRONG_ENTRIES)(
    "%s is rejected, every field named, and its neighbours are stored",
    async (_, entry, fields) => {
      const tenant = newTenant(servers.app());
      const { positions, rejections } = await tenant.append(observation(), entry, observation());
      expect(positions).toEqual([1n, 0n, 2n]);
      expect(rejectionsByIndex(rejections).get(1)).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: "INVALID_FIELD",
        fields: fields.map((field) => `entries[1].${field}`),
      });
    },
  );

  test("values at their limits is stored", async () => {
    const tenant = newTenant(servers.app());
    const full = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, "x".repeat(1000)]));
    const { rejections } = await tenant.append(
      observation({ agentId: "💥".repeat(100), externalId: "x".repeat(200), labels: full }),
      action({ successScore: 1, cost: Number.NaN, prerequisites: Object.values(full) }),
      metric({ value: Number.POSITIVE_INFINITY, name: "x".repeat(200), tags: full }),
      observation({ metrics: { nan: Number.NaN } }),
      decision({ confidence: 1, durationMs: 0 }),
    );
    expect(rejections).toEqual([]);
  });

  test("more bytes than it may have is rejected with the limit, at the limit it is stored", async () => {
    const tenant = newTenant(servers.app());
    // Beside the payload: its id, type, and the lengths and tags of all.
    const size = (byteLength: number) => observation({ data: payload(Buffer.alloc(byteLength), "") });
    const { positions, rejections } = await tenant.append(size(MIB), observation(), size(MIB - 100));
    expect(positions).toEqual([0n, 1n, 2n]);
    expect(refusalFromStatus(rejections[0]?.status)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "LIMIT_EXCEEDED",
      metadata: { limit: String(MIB) },
      fields: ["entries[0].observation"],
    });
    const text = await tenant.append(
      observation({ content: "x".repeat(MIB) }),
      action({ description: "x".repeat(MIB) }),
    );
    expect(text.rejections).toHaveLength(2);
  });
});

describe("a batch", () => {
  test("of none or too many entries is refused as a whole", async () => {
    const tenant = newTenant(servers.app());
    expect(await refusal(tenant.append())).toMatchObject({ reason: "INVALID_FIELD", fields: ["entries"] });
    const entries = Array.from({ length: 501 }, () => observation());
    expect(await refusal(tenant.append(...entries))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "LIMIT_EXCEEDED",
      metadata: { limit: "500", actual: "501" },
    });
    expect(await tenant.listAll()).toEqual([]);
    const { positions } = await tenant.append(...entries.slice(0, 500));
    expect(positions.at(-1)).toBe(500n);
  });

  test("of five hundred wrong entries is answered, each with its reason", async () => {
    const tenant = newTenant(servers.app());
    const entries = Array.from({ length: 500 }, () => observation({ id: "x".repeat(100), labels: tooMany }));
    const { rejections } = await tenant.append(...entries);
    expect(rejectionsByIndex(rejections).size).toBe(500);
  });

  test("in a message that is too large is refused with the limit", async () => {
    const tenant = newTenant(servers.app());
    const large = Array.from({ length: 5 }, () => observation({ data: payload(Buffer.alloc(900_000), "") }));
    const refused = await refusal(tenant.append(...large));
    expect(refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "LIMIT_EXCEEDED" });
    expect(refused.message).toContain(String(4 * MIB));
  });
});

describe("a session with", () => {
  test("wrong fields is refused, every field named", async () => {
    const { rpc } = newTenant(servers.app());
    const session = {
      id: "x",
      externalId: NUL,
      agentId: "x".repeat(201),
      labels: tooMany,
      type: NUL,
      goalsTotal: -1,
      goalsCompleted: -1,
      successRate: -0.1,
      parentSessionId: "x",
      metadata: payload("", NUL),
      startTime: notATime,
      endTime: notATime,
    };
    expect(await refusal(rpc.unary(SessionService.method.openSession, { session }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_FIELD",
      fields: [
        "session.agent_id",
        "session.end_time",
        "session.external_id",
        "session.goals_completed",
        "session.goals_total",
        "session.id",
        "session.labels",
        "session.metadata.content_type",
        "session.parent_session_id",
        "session.start_time",
        "session.success_rate",
        "session.type",
      ],
    });
  });

  test.each([
    ["no key", undefined, "id"],
    ["an empty id", { case: "id", value: "" }, "id"],
    ["an id that is none", { case: "id", value: "'; --" }, "id"],
    ["an empty external_id", { case: "externalId", value: "" }, "external_id"],
    ["an external_id with NUL", { case: "externalId", value: NUL }, "external_id"],
  ])("%s is refused when got", async (_, key, field) => {
    const { rpc } = newTenant(servers.app());
    const answer = rpc.unary(SessionService.method.getSession, { key: key as never });
    expect(await refusal(answer)).toMatchObject({ reason: "INVALID_FIELD", fields: [field] });
  });

  test("metadata larger than an entry may be is refused when opened or updated", async () => {
    const tenant = newTenant(servers.app());
    const metadata = payload(Buffer.alloc(MIB), "");
    const { id } = await tenant.open();
    const update = { session: { id, metadata }, updateMask: { paths: ["metadata"] } };
    for (const refused of await refusals([
      tenant.open({ metadata }),
      tenant.rpc.unary(SessionService.method.updateSession, update),
    ])) {
      expect(refused).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: "LIMIT_EXCEEDED",
        fields: ["session"],
      });
    }
  });

  test("fields made wrong by an update is refused, every field named", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await tenant.open();
    const update = {
      session: { id, goalsTotal: -1, type: NUL, successRate: 2 },
      updateMask: { paths: ["goals_total", "type", "success_rate"] },
    };
    expect((await refusal(tenant.rpc.unary(SessionService.method.updateSession, update))).fields).toEqual([
      "session.goals_total",
      "session.success_rate",
      "session.type",
    ]);
  });
});

test("a method that does not exist is UNIMPLEMENTED", async () => {
  const { rpc } = newTenant(servers.app());
  const method = { ...EventService.method.append, name: "NoSuch", parent: EventService } as never;
  expect((await errorOf(rpc.unaryBytes(method, new Uint8Array()))).code).toBe(status.UNIMPLEMENTED);
});

test("a request id that is no UUID is refused by every method that takes one", async () => {
  const tenant = newTenant(servers.app());
  const { id } = await tenant.open();
  const { updateSession, closeSession, deleteSession } = SessionService.method;
  const requestId = `${randomUUID()} `;
  for (const refused of await refusals([
    tenant.rpc.unary(updateSession, { session: { id }, updateMask: { paths: ["type"] }, requestId }),
    tenant.rpc.unary(closeSession, { id, requestId }),
    tenant.rpc.unary(deleteSession, { id, requestId }),
  ])) {
    expect(refused.fields).toEqual(["request_id"]);
  }
});
