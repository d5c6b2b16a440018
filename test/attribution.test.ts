import { randomUUID } from "node:crypto";
import { create, type DescMethod, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ActionService } from "../gen/holdfast/v1/action_pb.js";
import { ActionSelectorService } from "../gen/holdfast/v1/action_selector_pb.js";
import { CrossSessionPatternService } from "../gen/holdfast/v1/cross_session_pattern_pb.js";
import { GoalService } from "../gen/holdfast/v1/goal_pb.js";
import { LearningSystemService } from "../gen/holdfast/v1/learning_system_pb.js";
import { MemoryService, MemoryType } from "../gen/holdfast/v1/memory_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { readConfig } from "../src/config.js";
import { action } from "../src/entities/action.js";
import { actionSelector } from "../src/entities/action-selector.js";
import { createCodecs } from "../src/entities/codecs.js";
import { crossSessionPattern } from "../src/entities/cross-session-pattern.js";
import type { EntityDeclaration } from "../src/entities/declaration.js";
import { goal } from "../src/entities/goal.js";
import { learningSystem } from "../src/entities/learning-system.js";
import { memory } from "../src/entities/memory.js";
import { entities } from "../src/entities/registry.js";
import { session } from "../src/entities/session.js";
import type { CallContext } from "../src/rpc/call-context.js";
import { actionSelectorService } from "../src/rpc/handlers/action-selector-service.js";
import { crossSessionPatternService } from "../src/rpc/handlers/cross-session-pattern-service.js";
import { goalService } from "../src/rpc/handlers/goal-service.js";
import { learningSystemService } from "../src/rpc/handlers/learning-system-service.js";
import { memoryService } from "../src/rpc/handlers/memory-service.js";
import type { ServicesContext } from "../src/rpc/handlers/services.js";
import { sessionService } from "../src/rpc/handlers/session-service.js";
import { standardService } from "../src/rpc/handlers/standard-service.js";
import type { RegisteredMethod } from "../src/rpc/service.js";
import { Appender } from "../src/service/appender.js";
import { createEntryPreparer } from "../src/service/prepare-entry.js";
import { Records } from "../src/service/records.js";
import { createRules } from "../src/service/rules.js";
import { type Database, openDatabase } from "../src/store/database.js";
import { Scans } from "../src/workers/scans.js";
import { WorkerPool } from "../src/workers/worker-pool.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { durableLog } from "./support/durable-log.js";
import { present } from "./support/tenant.js";

/** Entities that keep no actor by themselves keep it here in one of their fields, for every change to show it. */
const ACTOR_FIELDS: Readonly<Record<string, string>> = {
  action_selector: "type",
  learning_system: "type",
  cross_session_pattern: "type",
  goal: "created_by",
  memory: "embedding_model",
  session: "type",
};
const declared = new Map(
  entities.map((entity): [EntityDeclaration, EntityDeclaration] => {
    const actor = ACTOR_FIELDS[entity.name];
    return [entity, actor === undefined ? entity : { ...entity, actor }];
  }),
);
const logger = pino({ level: "silent" });
const tenantId = randomUUID();

let cluster: TestDatabase;
let database: Database;
let workers: WorkerPool;
let methods: ReadonlyMap<DescMethod, RegisteredMethod>;

beforeAll(async () => {
  cluster = await createTestDatabase();
  const config = readConfig({}, { databaseUrl: cluster.url });
  const settings = { maxConnections: 4, connectTimeoutMs: 5000, statementTimeoutMs: 30_000 };
  database = openDatabase({ url: cluster.url, preparedStatements: true, ...settings }, logger);
  const created = createCodecs([...declared.values()]);
  const codecs = { ...created, of: (entity: EntityDeclaration) => created.of(declaredAs(entity)) };
  const preparer = createEntryPreparer(codecs, config);
  const registry = new Registry();
  workers = new WorkerPool(config, registry);
  const rules = createRules(config, workers);
  const appender = new Appender(
    {
      database,
      sessionCodec: codecs.of(session),
      rules: new Map([...rules].map(([entity, its]) => [declaredAs(entity), its])),
      logger,
      durable: durableLog(cluster.url),
      onCommit() {},
    },
    config,
  );
  const records = {
    database,
    appender,
    preparer,
    maxPageBytes: config.maxPageBytes,
    maxAnswerBytes: 4 * 1024 * 1024,
  };
  const access = { annotate: async () => {} };
  const context = {
    append: { appender, preparer, limits: config },
    events: { database, codecs, ...config },
    records,
    memorySearch: { database, access, settings: config },
    workers,
    scans: new Scans(config, registry),
  } as unknown as ServicesContext;
  const services = [
    actionSelectorService(new Records(records, codecs.of(actionSelector)), context),
    crossSessionPatternService(new Records(records, codecs.of(crossSessionPattern)), context),
    goalService(new Records(records, codecs.of(goal)), context),
    learningSystemService(new Records(records, codecs.of(learningSystem)), context),
    memoryService(new Records(records, codecs.of(memory)), context),
    sessionService(new Records(records, codecs.of(session)), context),
    standardService(new Records(records, codecs.of(action)), context.append),
  ];
  methods = new Map(services.flatMap((each) => each.methods).map((each) => [each.descriptor, each]));
});

afterAll(async () => {
  await workers?.close();
  await database?.close();
  await cluster?.close();
});

function declaredAs(entity: EntityDeclaration): EntityDeclaration {
  return declared.get(entity) ?? entity;
}

/** Calls a method's handler as this actor. */
async function call<M extends DescMethod>(
  method: M,
  request: MessageInitShape<M["input"]>,
  actor: string,
): Promise<MessageShape<M["output"]>> {
  const principal = { tenantId, actor, roles: ["writer"] };
  const context = { principal, signal: new AbortController().signal } as unknown as CallContext;
  return present(methods.get(method)).handle(create(method.input, request), context);
}

test("what is learned of an action names who told it", async () => {
  const { createActionSelector, recordOutcome, mergeActionSelector } = ActionSelectorService.method;
  const { id } = present((await call(createActionSelector, { actionSelector: {} }, "maker")).actionSelector);
  const told = await call(recordOutcome, { id, action: "read", score: 1 }, "teller");
  expect(told.actionSelector?.type).toBe("teller");
  const merged = await call(mergeActionSelector, { id, actionScores: { read: 1 } }, "merger");
  expect(merged.actionSelector?.type).toBe("merger");
});

test("what is learned of a strategy names who told it", async () => {
  const { createLearningSystem, recordEpisode } = LearningSystemService.method;
  const { id } = present((await call(createLearningSystem, { learningSystem: {} }, "maker")).learningSystem);
  const told = await call(recordEpisode, { id, strategy: "plan", score: 1 }, "teller");
  expect(told.learningSystem?.type).toBe("teller");
});

test("what is mined, and renewed, names who asked for it, and a use who told it", async () => {
  const { openSession, closeSession } = SessionService.method;
  const { minePatterns, recordPatternUse } = CrossSessionPatternService.method;
  const finish = async () => {
    const sessionId = present((await call(openSession, { session: {} }, "maker")).session).id;
    for (const type of ["search", "read"]) {
      await call(ActionService.method.createAction, { action: { sessionId, type } }, "maker");
    }
    await call(closeSession, { id: sessionId }, "maker");
  };
  for (let i = 0; i < 2; i += 1) await finish();
  const first = await call(minePatterns, {}, "miner");
  const [mined] = first.patterns;
  expect(mined?.crossSessionPattern?.type).toBe("miner");
  await finish();
  const again = await call(minePatterns, {}, "another");
  expect([again.updatedCount, again.patterns[0]?.crossSessionPattern?.type]).toEqual([1, "another"]);
  const id = present(mined?.crossSessionPattern).id;
  const used = await call(recordPatternUse, { id, success: true }, "user");
  expect(used.crossSessionPattern?.type).toBe("user");
});

test("a lease names who took it, renewed it and gave it back", async () => {
  const { createGoal, nextGoal, renewGoalLease, releaseGoal } = GoalService.method;
  await call(createGoal, { goal: { title: "t" } }, "maker");
  const agentId = "agent";
  const { goal: taken } = await call(nextGoal, { agentId }, "taker");
  expect(taken?.createdBy).toBe("taker");
  const id = present(taken).id;
  expect((await call(renewGoalLease, { id, agentId }, "renewer")).goal?.createdBy).toBe("renewer");
  expect((await call(releaseGoal, { id, agentId }, "releaser")).goal?.createdBy).toBe("releaser");
});

test("a session names who opened, forked and closed it", async () => {
  const { openSession, forkSession, closeSession } = SessionService.method;
  const { session: opened } = await call(openSession, { session: {} }, "opener");
  expect(opened?.type).toBe("opener");
  const { session: forked } = await call(forkSession, { sessionId: present(opened).id }, "forker");
  expect(forked?.type).toBe("forker");
  const { session: closed } = await call(closeSession, { id: present(opened).id }, "closer");
  expect(closed?.type).toBe("closer");
});

test("a memory names who promoted it", async () => {
  const { createMemory, promoteMemory } = MemoryService.method;
  const made = await call(createMemory, { memory: { type: MemoryType.EPISODIC, content: "c" } }, "maker");
  const request = { id: present(made.memory).id, type: MemoryType.SEMANTIC };
  expect((await call(promoteMemory, request, "promoter")).memory?.embeddingModel).toBe("promoter");
});
