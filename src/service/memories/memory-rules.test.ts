import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MemorySchema, MemoryType, UpdateMemoryRequestSchema } from "../../../gen/holdfast/v1/memory_pb.js";
import { finish } from "../../core/steps.js";
import { timestampFromMicros } from "../../core/time.js";
import { uuidV7 } from "../../core/uuid.js";
import { createCodecs } from "../../entities/codecs.js";
import type { FieldBag } from "../../entities/field-codec.js";
import { memory } from "../../entities/memory.js";
import { entities } from "../../entities/registry.js";
import { session } from "../../entities/session.js";
import { newRecord } from "../apply-change.js";
import { emptyFacts, factKey } from "../flush-facts.js";
import { planFlush } from "../plan-flush.js";
import { createEntryPreparer } from "../prepare-entry.js";
import type { PreparedEntry } from "../prepared-entry.js";
import { memoryRules } from "./memory-rules.js";

const { WORKING, EPISODIC } = MemoryType;
const CAPACITY = 3;
const codecs = createCodecs(entities);
const codec = codecs.of(memory);
const preparer = createEntryPreparer(codecs, { maxBytesPerEntry: 1 << 20, maxEntriesPerBatch: 500 });

interface Thought {
  readonly id: string;
  readonly agentId: string;
  readonly type: MemoryType;
}

function storedMemory({ id, agentId, type }: Thought, position: number): FieldBag {
  const record = newRecord(codec, create(MemorySchema, { id, agentId, type }) as unknown as FieldBag);
  return Object.assign(record, {
    createTime: timestampFromMicros(BigInt(position)),
    position: BigInt(position),
  });
}

function creation(thought: Thought): PreparedEntry {
  return preparer.create(codec, create(MemorySchema, thought) as unknown as FieldBag, "");
}

function change({ id, ...fields }: Thought): PreparedEntry {
  const schema = UpdateMemoryRequestSchema;
  const request = create(schema, { memory: { id } });
  return preparer.patch({ codec, id, requestId: "", schema, request, fields, path: "", idField: "id" });
}

/** Each change of the flush in its order: the id and the type that it leaves. */
function plan(
  entries: readonly PreparedEntry[],
  stored: readonly FieldBag[],
): [id: string, type: MemoryType][] {
  const facts = emptyFacts();
  for (const record of stored) facts.current.set(factKey(codec, record.id as string), record);
  const rules = new Map([[memory, memoryRules(CAPACITY)]]);
  const { placed } = finish(planFlush("tenant", entries, facts, { sessionCodec: codecs.of(session), rules }));
  return placed.map(({ id, record }) => [id, record().type as MemoryType]);
}

/** The same by the definition: after each entry, the oldest of its owner's that are too many become episodic. */
function expected(entries: readonly Thought[], stored: readonly Thought[]): [id: string, type: MemoryType][] {
  const changes: [string, MemoryType][] = [];
  // Oldest first, which never changes.
  const all = new Map(stored.map((thought) => [thought.id, thought]));
  for (const thought of entries) {
    all.set(thought.id, thought);
    changes.push([thought.id, thought.type]);
    if (thought.type !== WORKING) continue;
    const working = [...all.values()].filter(
      ({ agentId, type }) => agentId === thought.agentId && type === WORKING,
    );
    const others = working.filter(({ id }) => id !== thought.id);
    for (const old of [...others, thought].slice(0, Math.max(0, working.length - CAPACITY))) {
      all.set(old.id, { ...old, type: EPISODIC });
      changes.push([old.id, EPISODIC]);
    }
  }
  return changes;
}

const ids = Array.from({ length: 8 }, () => uuidV7());
const thought = fc.record({
  id: fc.constantFrom(...ids),
  agentId: fc.constantFrom("a", "b", ""),
  type: fc.constantFrom(WORKING, WORKING, EPISODIC),
});

test("working memory overflows as it is defined, whatever one flush creates and changes", () => {
  const stored = fc.uniqueArray(thought, { selector: ({ id }) => id, maxLength: 5 });
  fc.assert(
    fc.property(stored, fc.array(thought, { minLength: 1, maxLength: 20 }), (before, steps) => {
      const known = new Set(before.map(({ id }) => id));
      const entries = steps.map((step) => {
        const isNew = !known.has(step.id);
        known.add(step.id);
        return isNew ? creation(step) : change(step);
      });
      expect(plan(entries, before.map(storedMemory))).toEqual(expected(steps, before));
    }),
  );
});

test("placing a working memory looks at those of its owner alone", () => {
  const owners = 200;
  let looks = 0;
  const counted = (record: FieldBag) =>
    new Proxy(record, {
      get(target, name) {
        if (name === "type") looks += 1;
        return target[name as string];
      },
    });
  const thoughts = Array.from({ length: owners * CAPACITY }, (_, n) => ({
    id: uuidV7(),
    agentId: `agent ${n % owners}`,
    type: WORKING,
  }));
  const entries = thoughts
    .slice(0, owners)
    .map(({ agentId }) => creation({ id: uuidV7(), agentId, type: WORKING }));
  expect(plan(entries, thoughts.map(storedMemory).map(counted))).toHaveLength(2 * owners);
  // Once to build the index, and a few times for the row of each owner that becomes episodic.
  expect(looks).toBeLessThan(5 * owners * CAPACITY);
});
