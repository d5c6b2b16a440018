import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { MemoryType } from "../../../gen/holdfast/v1/memory_pb.js";
import { notFound } from "../../core/errors.js";
import { microsFromTimestamp } from "../../core/time.js";
import type { FieldBag } from "../../entities/field-codec.js";
import { memory } from "../../entities/memory.js";
import { readWorkingMemories } from "../../store/working-memories.js";
import type { Effect, EntityRules, FlushView, RowIndex } from "../entity-rules.js";
import { isExpired } from "../expiry.js";
import { factKey } from "../flush-facts.js";
import type { PreparedEntry } from "../prepared-entry.js";

/**
 * Working memory holds `capacity` memories of a session, or of an agent outside
 * any session; those without either share one. With one more, the oldest becomes
 * episodic in the same flush. What has expired changes no more.
 */
export function memoryRules(capacity: number): EntityRules {
  return {
    // Two servers that each add the last one would make one too many.
    isSerialised: true,

    async load(run, codec, tenantId, entries, facts, maxBytes) {
      const owners = [...ownersTouched(entries, (id) => facts.current.get(factKey(codec, id)))];
      if (owners.length === 0) return true;
      const touched = {
        sessionIds: owners.flatMap(({ sessionId }) => sessionId ?? []),
        agentIds: owners.flatMap(({ sessionId, agentId }) => (sessionId === undefined ? agentId : [])),
      };
      const { records, hasMore } = await readWorkingMemories(run, codec, tenantId, touched, maxBytes);
      if (hasMore) return false;
      for (const record of records) facts.current.set(factKey(codec, record.id as string), record);
      return true;
    },

    shape(record, before) {
      // Only the sweep, which deletes, still changes what has expired.
      if (before && record.deleteTime === undefined && isExpired(memory, before)) {
        throw notFound(memory.name, record.id as string);
      }
    },

    effects: (record, _before, view) => overflow(record, view, capacity),
  };
}

interface Owner {
  readonly sessionId: string | undefined;
  readonly agentId: string;
}

/** Whose working memory the entries may add to. */
function ownersTouched(
  entries: readonly PreparedEntry[],
  stored: (id: string) => FieldBag | undefined,
): Iterable<Owner> {
  const owners = new Map<string, Owner>();
  const add = (owner: Owner) => owners.set(ownerKey(owner), owner);
  const created = new Map<string, FieldBag>();
  for (const entry of entries) {
    if (entry.verb === "create") {
      created.set(entry.id, entry.message);
      if (entry.message.type === MemoryType.WORKING) add(ownerOf(entry.message));
    } else if (entry.verb === "patch") {
      const current = stored(entry.id) ?? created.get(entry.id);
      const fields = typeof entry.fields === "function" ? { type: MemoryType.WORKING } : entry.fields;
      if (!current || !("type" in fields || "agentId" in fields)) continue;
      add(ownerOf(current));
      add(ownerOf({ ...current, ...fields } as FieldBag));
    }
  }
  return owners.values();
}

/** Working memories by their owner, so that placing one looks at those of its owner alone. */
const WORKING_BY_OWNER: RowIndex = (record) => (isWorking(record) ? [ownerKey(ownerOf(record))] : []);

/** What is too many once `record` is there, the first to go first; never itself while there is another. */
function overflow(record: FieldBag, view: FlushView, capacity: number): readonly Effect[] {
  if (!isWorking(record)) return [];
  const working = view.having(WORKING_BY_OWNER, ownerKey(ownerOf(record)));
  view.spend(working.size);
  const excess = working.size - capacity;
  if (excess <= 0) return [];
  const others = [...working.values()].filter(({ id }) => id !== record.id);
  return [...others.sort((a, b) => oldestFirst(a, b, view)), record]
    .slice(0, excess)
    .map(({ id }) => ({ id: id as string, fields: { type: MemoryType.EPISODIC } }));
}

function isWorking(record: FieldBag): boolean {
  return record.type === MemoryType.WORKING && record.deleteTime === undefined;
}

function ownerOf(record: FieldBag): Owner {
  const sessionId = (record.sessionId as string | undefined) || undefined;
  return { sessionId: sessionId?.toLowerCase(), agentId: (record.agentId as string | undefined) ?? "" };
}

function ownerKey({ sessionId, agentId }: Owner): string {
  return sessionId === undefined ? `agent ${agentId}` : `session ${sessionId}`;
}

// What has expired makes room before what has not. What this flush creates has
// no create time yet and is newest, in the order it came.
function oldestFirst(a: FieldBag, b: FieldBag, view: FlushView): number {
  const expired = Number(isExpired(memory, b)) - Number(isExpired(memory, a));
  if (expired !== 0) return expired;
  const [created, other] = [createMicros(a), createMicros(b)];
  if (created === undefined && other === undefined) {
    return (view.ordinal(a.id as string) ?? 0) - (view.ordinal(b.id as string) ?? 0);
  }
  if (created === undefined || other === undefined) {
    return Number(created === undefined) - Number(other === undefined);
  }
  if (created !== other) return created < other ? -1 : 1;
  // Of one flush: it placed them in the order they came.
  return (a.position as bigint) < (b.position as bigint) ? -1 : 1;
}

function createMicros(record: FieldBag): bigint | undefined {
  const time = record.createTime as Timestamp | undefined;
  return time && microsFromTimestamp(time);
}
