import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { GoalSchema, GoalStatus, UpdateGoalRequestSchema } from "../../../gen/holdfast/v1/goal_pb.js";
import { finish } from "../../core/steps.js";
import { timestampFromMicros } from "../../core/time.js";
import { uuidV7 } from "../../core/uuid.js";
import { createCodecs } from "../../entities/codecs.js";
import type { FieldBag } from "../../entities/field-codec.js";
import { goal } from "../../entities/goal.js";
import { entities } from "../../entities/registry.js";
import { session } from "../../entities/session.js";
import { newRecord } from "../apply-change.js";
import { batchEnds } from "../batch-ends.js";
import { emptyFacts, factKey } from "../flush-facts.js";
import type { EntryFate } from "../flush-plan.js";
import { MAX_FLUSH_STEPS, STEPS_OF_A_CHANGE } from "../flush-steps.js";
import { planFlush } from "../plan-flush.js";
import { createEntryPreparer } from "../prepare-entry.js";
import type { PreparedEntry } from "../prepared-entry.js";
import { blockedBy, type GoalNode, type LoadedGoals } from "./goal-graph.js";
import { goalRules } from "./goal-rules.js";

const { BLOCKED, PENDING, COMPLETED } = GoalStatus;
const codecs = createCodecs(entities);
const codec = codecs.of(goal);
const preparer = createEntryPreparer(codecs, { maxBytesPerEntry: 1 << 20, maxEntriesPerBatch: 500 });
const rules = new Map([[goal, goalRules]]);

/** What a flush knows: whole rows, and nodes of the graph, counting how often one is asked for. */
class Known {
  readonly facts = emptyFacts();
  looks = 0;

  constructor(goals: readonly Partial<GoalNode>[], nodes: readonly GoalNode[] = []) {
    for (const [i, { id = uuidV7(), status = PENDING, dependsOn = [], parentId = "" }] of goals.entries()) {
      const message = create(GoalSchema, { id, dependsOn: [...dependsOn], parentGoalId: parentId });
      const record = Object.assign(newRecord(codec, message as unknown as FieldBag), {
        status,
        createTime: timestampFromMicros(BigInt(i)),
        position: BigInt(i),
      });
      this.facts.current.set(factKey(codec, id), record);
    }
    const known = new Map(nodes.map((node) => [node.id, node]));
    const get = known.get.bind(known);
    known.get = (id) => {
      this.looks += 1;
      return get(id);
    };
    this.facts.loaded.set(codec.entity.table, {
      nowMicros: 0n,
      nodes: known,
      partIds: new Map(),
      blockedBy: blockedBy(new Set(goals.map(({ id }) => id ?? ""))),
      parts: new Map(),
      exceeded: undefined,
    } satisfies LoadedGoals);
  }

  /** @param callSize how many entries each call has */
  plan(entries: readonly PreparedEntry[], callSize = 1) {
    const calls = Array.from({ length: entries.length / callSize }, () => ({
      entries: entries.slice(0, callSize),
      isDivisible: false,
    }));
    const bounds = { ends: batchEnds(calls), maxBytes: Number.POSITIVE_INFINITY };
    const context = { sessionCodec: codecs.of(session), rules };
    return finish(planFlush("tenant", entries, this.facts, context, bounds));
  }
}

function change(id: string, fields: Readonly<Record<string, unknown>>): PreparedEntry {
  const schema = UpdateGoalRequestSchema;
  const request = create(schema, { goal: { id } });
  return preparer.patch({ codec, id, requestId: "", schema, request, fields, path: "", idField: "id" });
}

function creation(id: string, dependsOn: readonly string[]): PreparedEntry {
  return preparer.create(
    codec,
    create(GoalSchema, { id, dependsOn: [...dependsOn] }) as unknown as FieldBag,
    "",
  );
}

function node(id: string, dependsOn: readonly string[]): GoalNode {
  return { id, status: PENDING, isDeleted: false, dependsOn, parentId: "" };
}

function isPlaced({ kind }: EntryFate): boolean {
  return kind === "placed";
}

/** Goals in layers: each depends on all of the layer below. */
function layers(count: number, width: number): GoalNode[][] {
  const all: GoalNode[][] = [];
  for (let layer = 0; layer < count; layer += 1) {
    const below = (all.at(-1) ?? []).map(({ id }) => id);
    all.push(Array.from({ length: width }, () => node(uuidV7(), below)));
  }
  return all;
}

test("a flush that walks a large graph for each entry ends early, and the next ones do the rest", () => {
  const width = 64;
  const graph = layers(10, width);
  const top = (graph.at(-1) ?? []).map(({ id }) => id);
  const goals = Array.from({ length: 60 }, () => ({ id: uuidV7() }));
  const known = new Known(goals, graph.flat());
  const all = goals.map(({ id }) => change(id, { dependsOn: top }));
  const edges = 9 * width * width;
  const first = known.plan(all).fates.length;
  expect(first).toBeLessThan(all.length);
  // The last entry may pass the limit by what it takes itself.
  expect(known.looks).toBeLessThan(MAX_FLUSH_STEPS + 2 * edges);
  expect(first * edges).toBeGreaterThan(MAX_FLUSH_STEPS / 2);
  const fates: EntryFate[] = [];
  while (fates.length < all.length) fates.push(...known.plan(all.slice(fates.length)).fates);
  expect(fates.every(isPlaced)).toBe(true);
});

test("new goals are placed without walking what they depend on", () => {
  const known = new Known([], []);
  const ids = Array.from({ length: 300 }, () => uuidV7());
  const entries = ids.map((id, i) => creation(id, ids.slice(Math.max(0, i - 64), i)));
  const { fates } = known.plan(entries);
  expect(fates.filter(isPlaced)).toHaveLength(ids.length);
  const [itself] = known.plan([
    creation("00000000-0000-4000-8000-000000000001", ["00000000-0000-4000-8000-000000000001"]),
  ]).fates;
  expect(itself).toMatchObject({
    kind: "settled",
    outcome: { message: expect.stringContaining("expected no cycle") },
  });
});

test("a flush in which many goals stop waiting ends early, but never within a call", () => {
  const hubs = Array.from({ length: 3 }, () => uuidV7());
  const waiting = hubs.flatMap((hub) =>
    Array.from({ length: 600 }, () => ({ id: uuidV7(), status: BLOCKED, dependsOn: [hub] })),
  );
  const known = new Known([...hubs.map((id) => ({ id })), ...waiting]);
  const entries = hubs.map((id) => change(id, { status: COMPLETED }));
  expect(600 * STEPS_OF_A_CHANGE).toBeGreaterThan(MAX_FLUSH_STEPS);
  const ofOneCall = known.plan(entries, entries.length);
  expect(ofOneCall.fates).toHaveLength(entries.length);
  const { fates, placed } = known.plan(entries);
  expect(fates).toHaveLength(1);
  expect(placed.map(({ record }) => record().status)).toEqual([COMPLETED, ...Array(600).fill(PENDING)]);
});
