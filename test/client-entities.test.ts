import { randomUUID } from "node:crypto";
import {
  ActionStatus,
  type ConfigurationChange,
  ConfigurationLayer,
  connect,
  DatabaseShape,
  EntityKind,
  GoalStatus,
  type Holdfast,
  HoldfastError,
  json,
  ListOrder,
  MemoryType,
  payloadJson,
  SearchMethod,
  SecurityLevel,
  SelectionStrategy,
} from "@holdfast/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { startServer } from "./support/start-server.js";
import { useServers } from "./support/use-server.js";

const servers = useServers({});

/** A client of a tenant that nobody else uses. */
function newClient(address = servers.app().grpc): Holdfast {
  const { host, port } = address;
  const client = connect({
    address: `${host}:${port}`,
    tenantId: randomUUID(),
    retry: { initialDelayMs: 20, maxDelayMs: 200 },
  });
  onTestFinished(() => client.close());
  return client;
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

interface Stored {
  readonly id: string;
  readonly externalId: string;
  readonly position: bigint;
}

interface Changed extends Stored {
  readonly revision: bigint;
}

/** The verbs that every entity has, whatever its fields. */
interface Appended {
  create(entity: object): Promise<Stored>;
  get(key: string | { readonly externalId: string }): Promise<Stored>;
  list(filter?: object, options?: object): AsyncIterable<Stored>;
  page(filter?: object, options?: object): Promise<{ readonly items: readonly Stored[] }>;
}

/** And those of what has a state. */
interface Kept extends Omit<Appended, "get"> {
  get(
    key: string | { readonly externalId: string },
    options?: { readonly atPosition?: bigint },
  ): Promise<Changed>;
  update(id: string, changes: object, options?: object): Promise<Changed>;
  delete(id: string, options?: object): Promise<Changed>;
  revisions(id: string): AsyncIterable<{ readonly revision: bigint }>;
}

interface Batched {
  batchCreate(entities: readonly object[]): Promise<readonly { readonly id: string }[]>;
  batchGet(ids: readonly string[]): Promise<readonly Stored[]>;
}

const GOAL = { title: "book a flight" };
const MEMORY = { type: MemoryType.SEMANTIC, content: "tides follow the moon" };
const CONFIGURATION = { key: "planner.max_steps", value: json(3) };

/** Each property that has a state, with one to create and a change of it. */
const KEPT: readonly [name: string, of: (client: Holdfast) => Kept, entity: object, change: object][] = [
  ["goals", ({ goals }) => goals, GOAL, { description: "soon" }],
  ["memories", ({ memories }) => memories, MEMORY, { importance: 0.5 }],
  ["actions", ({ actions }) => actions, { type: "web_search" }, { status: ActionStatus.RUNNING }],
  ["selectors", ({ selectors }) => selectors, { type: "tool" }, { epsilon: 0.2 }],
  ["learning", ({ learning }) => learning, { type: "planner" }, { totalEpisodes: 3n }],
  ["patterns", ({ patterns }) => patterns, { type: "habit" }, { confidence: 0.5 }],
  ["configurations", ({ configurations }) => configurations, CONFIGURATION, { description: "at most" }],
];

/** Each property that is only appended to, with one to create. */
const APPENDED: readonly [name: string, of: (client: Holdfast) => Appended, entity: object][] = [
  ["observations", ({ observations }) => observations, { type: "result", content: "done" }],
  ["decisions", ({ decisions }) => decisions, { type: "tool_choice", confidence: 0.5 }],
  ["metrics", ({ metrics }) => metrics, { name: "tokens", value: 812, unit: "tokens" }],
  ["audits", ({ audits }) => audits, { operation: "file_write", valid: true, level: SecurityLevel.LOW }],
];

const BATCHED: readonly [name: string, of: (client: Holdfast) => Batched, entity: object][] = [
  ["goals", ({ goals }) => goals, GOAL],
  ["memories", ({ memories }) => memories, MEMORY],
  ["actions", ({ actions }) => actions, { type: "web_search" }],
  ["observations", ({ observations }) => observations, { type: "result" }],
];

describe("every property", () => {
  test.each<(typeof APPENDED)[number]>([
    ...APPENDED,
    ...KEPT.map(([name, of, entity]): (typeof APPENDED)[number] => [name, of, entity]),
  ])(
    "%s creates with an id of the client's, the same again with the same, gets by either name, lists",
    async (_name, of, entity) => {
      const client = of(newClient());
      const named = { ...entity, id: randomUUID(), externalId: "mine" };
      const created = await client.create(named);
      expect(await client.create(named)).toEqual(created);
      const refused = await client.create({ ...named, externalId: "other" }).catch(HoldfastError.from);
      expect(refused).toMatchObject({ code: "ALREADY_EXISTS", reason: "ID_CONFLICT" });
      expect(await client.get(created.id)).toEqual(created);
      expect(await client.get({ externalId: "mine" })).toEqual(created);
      const missing = await client.get(randomUUID()).catch(HoldfastError.from);
      expect(missing).toMatchObject({ code: "NOT_FOUND", reason: "NOT_FOUND" });

      // A configuration's key is taken: another one has another.
      const other = "key" in entity ? { ...entity, key: "another" } : entity;
      const second = await client.create(other);
      expect(second.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      const ids = (items: readonly Stored[]) => items.map(({ id }) => id);
      expect(ids(await all(client.list({}, { pageSize: 1 })))).toEqual([second.id, created.id]);
      const oldestFirst = { order: ListOrder.OLDEST_FIRST };
      expect(ids((await client.page({}, oldestFirst)).items)).toEqual([created.id, second.id]);
    },
  );

  test.each(KEPT)(
    "%s changes the fields given, once for one request id, and keeps each state",
    async (_name, of, entity, change) => {
      const client = of(newClient());
      const created = await client.create({ ...entity, externalId: "mine" });
      const requestId = randomUUID();
      const changed = await client.update(created.id, change, { requestId, expectedRevision: 1n });
      expect(changed).toMatchObject({ ...change, revision: 2n, externalId: "mine" });
      expect(await client.update(created.id, change, { requestId, expectedRevision: 1n })).toEqual(changed);
      const stale = client.update(created.id, { externalId: null }, { expectedRevision: 1n });
      expect(await stale.catch(HoldfastError.from)).toMatchObject({
        code: "ABORTED",
        reason: "REVISION_MISMATCH",
        metadata: { current_revision: "2" },
      });
      expect((await client.update(created.id, { externalId: null })).externalId).toBe("");
      expect((await client.get(created.id, { atPosition: created.position })).revision).toBe(1n);
      const unknown = client.update(created.id, { nonsense: 1 }).catch(HoldfastError.from);
      expect(await unknown).toMatchObject({ reason: "INVALID_FIELD", violations: [{ field: "nonsense" }] });

      const deleted = await client.delete(created.id);
      expect(deleted.revision).toBe(4n);
      expect((await all(client.revisions(created.id))).map(({ revision }) => revision)).toEqual([
        4n,
        3n,
        2n,
        1n,
      ]);
      expect(await all(client.list())).toEqual([]);
    },
  );

  test.each(BATCHED)("%s takes many at once and loses none to a bad one", async (_name, of, entity) => {
    const client = of(newClient());
    const id = randomUUID();
    const batch = [{ ...entity, id }, { ...entity, externalId: "x".repeat(300) }, entity];
    const outcomes = await client.batchCreate(batch);
    expect(outcomes).toMatchObject([
      { id, duplicate: false, entity: { id } },
      { error: { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" } },
      { duplicate: false },
    ]);
    expect(await client.batchCreate([{ ...entity, id }])).toMatchObject([{ id, duplicate: true }]);
    const third = outcomes[2]?.id as string;
    const found = await client.batchGet([third, randomUUID(), id]);
    expect(found.map((each) => each.id)).toEqual([third, id]);
  });
});

describe("sessions", () => {
  test("fork from another's state as of a position, and keep their revisions", async () => {
    const { sessions, observations, events } = newClient();
    const first = await sessions.open({ type: "chat", agentId: "planner" });
    const before = await observations.create({ sessionId: first.id, content: "before" });
    await observations.create({ sessionId: first.id, content: "after" });
    const fork = { id: randomUUID(), type: "retry" };
    const forked = await sessions.fork(first.id, fork, { atPosition: before.position });
    expect(await sessions.fork(first.id, fork, { atPosition: before.position })).toEqual(forked);
    expect(forked).toMatchObject({
      parentSessionId: first.id,
      forkPosition: before.position,
      agentId: "planner",
      type: "retry",
    });
    const range = { sessionIds: [forked.id], includeAncestors: true };
    const shared = (await all(events.list(range))).map(({ position }) => position);
    expect(shared).toEqual([first.position, before.position, forked.position]);
    await sessions.update(forked.id, { type: "again" });
    expect((await all(sessions.revisions(forked.id))).map(({ revision }) => revision)).toEqual([2n, 1n]);
  });
});

test("goals hand the most urgent to one agent, renew its lease, and take it back", async () => {
  const { goals } = newClient();
  await goals.create({ title: "later", priority: 0.1 });
  const urgent = await goals.create({ title: "now", priority: 0.9 });
  const requestId = randomUUID();
  const taken = await goals.next("planner", {}, { leaseMs: 90_500, requestId });
  expect(taken).toMatchObject({ id: urgent.id, status: GoalStatus.IN_PROGRESS, leaseHolder: "planner" });
  expect(await goals.next("planner", {}, { leaseMs: 90_500, requestId })).toEqual(taken);
  const lease = Number(taken?.leaseExpireTime?.seconds) - Date.now() / 1000;
  expect(lease).toBeGreaterThan(60);
  expect(lease).toBeLessThan(91);
  const renewed = await goals.renewLease(urgent.id, "planner");
  expect(renewed.leaseExpireTime?.seconds).toBeGreaterThan(taken?.leaseExpireTime?.seconds ?? 0n);
  const foreign = await goals.releaseGoal(urgent.id, "someone else").catch(HoldfastError.from);
  expect(foreign).toMatchObject({ reason: "LEASE_NOT_HELD", metadata: { lease_holder: "planner" } });
  expect((await goals.releaseGoal(urgent.id, "planner")).status).toBe(GoalStatus.PENDING);
  expect(await goals.next("planner", { labels: { none: "such" } })).toBeUndefined();
});

test("memories are found by words and by embedding, and promoted", async () => {
  const { memories } = newClient();
  const tides = { content: "tides follow the moon", embedding: [0.25, -0.5], embeddingModel: "m" };
  const memory = await memories.create({ ...tides, type: MemoryType.WORKING });
  await memories.create({ content: "bread needs salt", type: MemoryType.SEMANTIC });
  const { hits } = await memories.search({ text: "moon tides", includeEmbeddings: true, limit: 1 });
  expect(hits).toMatchObject([{ memory: { id: memory.id, embedding: [0.25, -0.5] } }]);
  const near = await memories.search({ embedding: [0.5, -1], embeddingModel: "m" });
  expect(near.hits).toMatchObject([{ memory: { id: memory.id }, methods: [SearchMethod.VECTOR] }]);
  const promoted = await memories.promote(memory.id, MemoryType.PROCEDURAL, { expectedRevision: 1n });
  expect(promoted.type).toBe(MemoryType.PROCEDURAL);
});

test("selectors learn outcomes once each, choose by them, and merge", async () => {
  const { selectors, decisions } = newClient();
  const { id } = await selectors.create({ epsilon: 0 });
  const requestId = randomUUID();
  const outcome = { action: "search", score: 1 };
  const learned = await selectors.recordOutcome(id, outcome, { requestId });
  expect(await selectors.recordOutcome(id, outcome, { requestId })).toEqual(learned);
  const merged = await selectors.merge(id, { actionScores: { search: 0 }, actionCounts: { search: 1n } });
  expect(merged).toMatchObject({ actionScores: { search: 0.5 }, actionCounts: { search: 2n } });
  await selectors.recordOutcome(id, { action: "ask", score: 1 });
  const candidates = ["search", "ask"];
  const choice = await selectors.select(id, { candidates, strategy: SelectionStrategy.EPSILON_GREEDY });
  expect(choice).toMatchObject({ action: "ask", explored: false });
  expect((await decisions.get(choice.decisionId)).position).toBe(choice.position);
  expect((await selectors.update(id, { actionScores: null })).actionScores).toEqual({});
});

test("learning records episodes once each, and suggests what worked", async () => {
  const { learning } = newClient();
  const { id } = await learning.create({});
  const goal = { type: "book flight" };
  const requestId = randomUUID();
  const episode = { steps: ["search", "pay"], score: 0.9, goal };
  const learned = await learning.recordEpisode(id, episode, { requestId });
  expect(await learning.recordEpisode(id, episode, { requestId })).toEqual(learned);
  await learning.recordEpisode(id, { strategy: "guess", score: 0.1, goal });
  expect(await learning.bestStrategies(id, { limit: 1, minSupport: 1n })).toMatchObject([
    { strategy: "search->pay", score: 0.9, support: 1n },
  ]);
  const [suggestion] = await learning.suggest(id, goal);
  expect(suggestion).toMatchObject({ strategy: "search->pay", goalSupport: 1n });
});

test("patterns count uses once each, rank by what they are worth, and are mined", async () => {
  const { patterns, sessions, actions } = newClient();
  const { id } = await patterns.create({ type: "habit", confidence: 0.5 });
  const requestId = randomUUID();
  const used = await patterns.recordUse(id, true, { requestId });
  expect(await patterns.recordUse(id, true, { requestId })).toEqual(used);
  expect(used).toMatchObject({ usageCount: 1n, successRate: 1 });
  const ranked = await patterns.query(
    { types: ["habit"] },
    { halfLifeMs: 60_000, minEffectiveConfidence: 0.1 },
  );
  expect(ranked).toMatchObject([{ crossSessionPattern: { id } }]);
  for (let run = 0; run < 2; run++) {
    const session = await sessions.open();
    for (const type of ["search", "pay"]) await actions.create({ sessionId: session.id, type });
    await sessions.close(session.id);
  }
  const mined = await patterns.mine({ minSupport: 2 });
  expect(mined).toMatchObject({ createdCount: 1, patterns: [{ actions: ["search", "pay"], support: 2n }] });
  expect(await patterns.mine({ minSupport: 2 })).toMatchObject({ createdCount: 0, updatedCount: 0 });
});

test("decisions explain an action", async () => {
  const { actions, decisions, observations } = newClient();
  const led = await observations.create({ content: "a question" });
  const action = await actions.create({ type: "answer" });
  const decision = await decisions.create({ actionId: action.id, observationId: led.id });
  const seen = await observations.create({ actionId: action.id, content: "thanks" });
  expect(await decisions.explain(action.id, { minPosition: seen.position })).toMatchObject({
    action: { id: action.id },
    decisions: [{ id: decision.id }],
    ledBy: [{ id: led.id }],
    observations: [{ id: seen.id }],
  });
});

describe("configurations", () => {
  test("resolve over their layers and roll back", async () => {
    const { configurations } = newClient();
    const layer = ConfigurationLayer.DEFAULT;
    await configurations.create({ key: "steps", value: json(1), layer });
    const own = await configurations.create({ key: "steps", value: json(2), agentId: "planner" });
    await configurations.update(own.id, { value: json(3) });
    const back = await configurations.rollback(own.id, 1n, { expectedRevision: 2n });
    expect([back.revision, payloadJson(back.value)]).toEqual([3n, 2]);
    const resolved = async (agentId: string, atPosition?: bigint) => {
      const selection = { keys: ["steps"], agentId };
      const { configurations: found } = await configurations.resolve(selection, { atPosition });
      return found.map(({ value }) => payloadJson(value));
    };
    expect([await resolved("planner"), await resolved(""), await resolved("planner", 1n)]).toEqual([
      [2],
      [1],
      [1],
    ]);
  });

  test("watch tells what is in force, then each change once, across a restart of the server", async () => {
    let app = await startServer(servers.databaseUrl, { logLevel: "silent", drainTimeoutMs: 200 });
    const { port } = app.grpc;
    onTestFinished(() => app.close());
    const { configurations } = newClient(app.grpc);
    const { id } = await configurations.create({ key: "limits.a", value: json(1) });
    let interruptions = 0;
    const watch = configurations.watch({ prefixes: ["limits."], onInterrupted: () => interruptions++ });
    const told: string[] = [];
    const tell = ({ position, configuration }: ConfigurationChange) =>
      told.push(`${position} ${payloadJson(configuration?.value)}`);
    const changes = watch[Symbol.asyncIterator]();
    const next = async () => tell((await changes.next()).value as ConfigurationChange);
    await next();
    await configurations.update(id, { value: json(2) });
    await next();
    await app.close();
    app = await startServer(servers.databaseUrl, { logLevel: "silent", drainTimeoutMs: 200, grpcPort: port });
    await configurations.update(id, { value: json(3) });
    await next();
    expect(interruptions).toBeGreaterThan(0);
    expect(told).toEqual(["1 1", "2 2", "3 3"]);
    const { cursor } = watch;
    watch.close();
    expect((await changes.next()).done).toBe(true);
    await configurations.delete(id);
    for await (const change of configurations.watch({ prefixes: ["limits."], after: cursor })) {
      tell(change);
      if (change.configuration === undefined) break;
    }
    // The page of "3 3" was not used up when the cursor was taken, so it comes again.
    expect(told.slice(3)).toEqual(["3 3", "4 undefined"]);
  });
});

test("a recorder records audits, and audits lists them", async () => {
  const client = newClient();
  const recorder = client.recorder({ agentId: "planner" });
  const { id, position } = await recorder.audit({ operation: "file_write", level: SecurityLevel.HIGH });
  const filter = { levels: [SecurityLevel.HIGH], byHoldfast: false };
  const listed = await all(client.audits.list(filter, { minPosition: position }));
  expect(listed).toMatchObject([{ id, agentId: "planner", operation: "file_write", valid: false }]);
});

test("admin tells a state as of a position, statistics, and the storage", async () => {
  const { admin, goals, sessions } = newClient();
  const session = await sessions.open();
  const goal = await goals.create({ title: "before", sessionId: session.id });
  await goals.update(goal.id, { title: "after" });
  const subject = { sessionId: session.id };
  const asOf = { atPosition: goal.position, kinds: [EntityKind.GOAL], pageSize: 1 };
  expect(await all(admin.getStateAt(subject, asOf))).toMatchObject([
    { entity: { value: { title: "before" } } },
  ]);
  const page = await admin.getStatePage(subject, { kinds: [EntityKind.GOAL] });
  expect(page).toMatchObject({ asOf: { position: 3n }, items: [{ entity: { value: { title: "after" } } }] });
  const statistics = await admin.getStatistics();
  expect(statistics.entities.find(({ kind }) => kind === EntityKind.GOAL)).toMatchObject({
    records: 1n,
    changes: 2n,
  });
  expect((await admin.getStorageInfo()).shape).not.toBe(DatabaseShape.UNSPECIFIED);
});

test("a property has the verbs of its service and no others", async () => {
  const client = newClient();
  // @ts-expect-error: a metric is never changed.
  await expect(client.metrics.update(randomUUID(), {})).rejects.toThrow("no method to update");
  // @ts-expect-error: nor does it take batches.
  await expect(client.metrics.batchCreate([])).rejects.toThrow("no method to batchCreate");
  // @ts-expect-error: of what only the server sets there is no input.
  await expect(client.goals.create({ revision: "1" })).rejects.toMatchObject({ reason: "INVALID_FIELD" });
});
