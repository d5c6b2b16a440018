import { timestampNow } from "@bufbuild/protobuf/wkt";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { SessionStatus } from "../../gen/holdfast/v1/session_pb.js";
import { HoldfastError, invalidFields, notFound } from "../core/errors.js";
import { microsFromTimestamp } from "../core/time.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { Flush, PlacedRow, StateChange } from "../store/append.js";
import { applyPatch, newRecord } from "./apply-change.js";
import { entryKey, externalIdOf, type FlushFacts, factKey } from "./flush-facts.js";
import type { AppendEntry, CreateEntry, EntryOutcome, PatchEntry, PreparedEntry } from "./prepared-entry.js";

/** What to write, and what became of each entry; entries to be written have their offset. */
export interface FlushPlan {
  readonly flush: Flush;
  readonly fates: readonly EntryFate[];
}

export type EntryFate =
  | { readonly kind: "settled"; readonly outcome: EntryOutcome }
  | { readonly kind: "placed"; readonly placed: PlacedEntry }
  /** The same entry stands earlier in this flush. */
  | { readonly kind: "repeated"; readonly placed: PlacedEntry };

export interface PlacedEntry {
  readonly offset: number;
  readonly id: string;
  readonly codec: EntityCodec;
  readonly change: "CREATED" | "UPDATED" | "DELETED";
  /** Roughly, of the entry. */
  readonly byteLength: number;
  /** The thing as the entry leaves it, without position and times of the commit. */
  readonly record: FieldBag;
}

/**
 * Decides, in the order of the entries, what each does to the state as the
 * entries before it leave it. Pure: what it needs of the database is in `facts`.
 */
export function planFlush(
  tenantId: string,
  entries: readonly PreparedEntry[],
  facts: FlushFacts,
  sessionCodec: EntityCodec,
): FlushPlan {
  const planner = new FlushPlanner(facts, sessionCodec);
  const fates = entries.map((entry) => planner.place(entry));
  return { flush: planner.flush(tenantId), fates };
}

interface Placed {
  readonly hash: Buffer;
  readonly placed: PlacedEntry;
}

class FlushPlanner {
  readonly #facts: FlushFacts;
  readonly #sessionCodec: EntityCodec;
  readonly #contentHashes: Buffer[] = [];
  readonly #appended = new Map<EntityCodec, PlacedRow[]>();
  readonly #changed = new Map<EntityCodec, StateChange[]>();
  readonly #activeSessions = new Set<string>();
  /** Rows as the entries placed so far leave them, and the ones created by them. */
  readonly #working = new Map<string, FieldBag>();
  readonly #created = new Set<string>();
  readonly #last = new Map<string, { rows: StateChange[]; index: number }>();
  readonly #placed = new Map<string, Placed>();
  readonly #externalIds = new Map<string, string>();

  constructor(facts: FlushFacts, sessionCodec: EntityCodec) {
    this.#facts = facts;
    this.#sessionCodec = sessionCodec;
  }

  place(entry: PreparedEntry): EntryFate {
    try {
      return this.#repeat(entry) ?? { kind: "placed", placed: this.#write(entry) };
    } catch (error) {
      if (error instanceof HoldfastError) return { kind: "settled", outcome: error };
      throw error;
    }
  }

  flush(tenantId: string): Flush {
    return {
      tenantId,
      count: this.#contentHashes.length,
      contentHashes: this.#contentHashes,
      appended: this.#appended,
      changed: this.#changed,
      activeSessions: [...this.#activeSessions],
    };
  }

  /** The fate of an entry whose id was used before: the first one's, if the content is the same. */
  #repeat(entry: PreparedEntry): EntryFate | undefined {
    const key = factKey(entry.codec, entryKey(entry));
    const hash = entry.verb === "append" ? entry.contentHash : entry.requestHash;
    const here = this.#placed.get(key);
    const earlier = this.#facts.earlier.get(key);
    const before = here ?? earlier;
    if (!before) return undefined;
    if (!before.hash.equals(hash)) throw idConflict(entry);
    if (here) return { kind: "repeated", placed: here.placed };
    if (!earlier) return undefined;
    const { position, id, record } = earlier;
    return { kind: "settled", outcome: { position, id, duplicate: true, record } };
  }

  #write(entry: PreparedEntry): PlacedEntry {
    switch (entry.verb) {
      case "append":
        return this.#append(entry);
      case "create":
        return this.#create(entry);
      case "patch":
        return this.#patch(entry);
    }
  }

  #append(entry: AppendEntry): PlacedEntry {
    this.#checkSession(entry.message.sessionId as string);
    this.#checkExternalId(entry, entry.id);
    const { codec, id, row, contentHash } = entry;
    const offset = this.#nextOffset(contentHash);
    push(this.#appended, codec, { offset, row, contentHash });
    return this.#remember(entry, contentHash, {
      offset,
      id,
      codec,
      change: "CREATED",
      byteLength: entry.byteLength,
      record: entry.message,
    });
  }

  #create(entry: CreateEntry): PlacedEntry {
    const { codec, id } = entry;
    const key = factKey(codec, id);
    if (this.#facts.current.has(key) || this.#working.has(key)) throw idConflict(entry);
    this.#checkSession(entry.message.sessionId as string | undefined);
    this.#checkExternalId(entry, id);
    const record = newRecord(codec.entity, entry.message, timestampNow());
    const placed = this.#change(entry, id, "CREATED", record, null);
    return this.#remember(entry, entry.requestHash, placed);
  }

  #patch(entry: PatchEntry): PlacedEntry {
    const { codec, id, change } = entry;
    const key = factKey(codec, id);
    const current = this.#working.get(key) ?? this.#facts.current.get(key);
    if (!current || current.deleteTime !== undefined) throw notFound(codec.entity.name, id);
    this.#checkSession(current.sessionId as string | undefined);
    this.#checkExternalId(entry, id);
    const record = applyPatch(codec.entity, current, entry);
    const stored = this.#facts.current.get(key);
    const placed = this.#change(entry, id, change, record, stored ?? null);
    return this.#remember(entry, entry.requestHash, placed);
  }

  #change(
    entry: CreateEntry | PatchEntry,
    id: string,
    change: PlacedEntry["change"],
    record: FieldBag,
    stored: FieldBag | null,
  ): PlacedEntry {
    const { codec } = entry;
    const key = factKey(codec, id);
    const violations = { path: entry.path, list: [] };
    const row = codec.toRow(record, violations);
    if (violations.list.length > 0) throw invalidFields(violations.list);
    const { sha256: contentHash, byteLength } = codec.hash(row);
    const offset = this.#nextOffset(contentHash);
    if (change === "CREATED") this.#created.add(key);
    const rows = push(this.#changed, codec, {
      offset,
      row,
      contentHash,
      requestId: entryKey(entry),
      requestHash: entry.requestHash,
      change,
      isNew: this.#created.has(key),
      isLast: true,
      baseRevision: stored ? (stored.revision as bigint) : null,
      created: stored ? microsFromTimestamp(stored.createTime as never) : null,
    });
    this.#supersede(key, rows);
    this.#working.set(key, record);
    return { offset, id, codec, change, byteLength, record };
  }

  /** Only the last change of a row in a flush is its new current state. */
  #supersede(key: string, rows: StateChange[]): void {
    const before = this.#last.get(key);
    const earlier = before?.rows[before.index];
    if (before && earlier) before.rows[before.index] = { ...earlier, isLast: false };
    this.#last.set(key, { rows, index: rows.length - 1 });
  }

  #nextOffset(contentHash: Buffer): number {
    return this.#contentHashes.push(contentHash) - 1;
  }

  #remember(entry: PreparedEntry, hash: Buffer, placed: PlacedEntry): PlacedEntry {
    this.#placed.set(factKey(entry.codec, entryKey(entry)), { hash, placed });
    const externalId = externalIdOf(entry);
    if (externalId !== "") this.#externalIds.set(factKey(entry.codec, externalId), placed.id);
    return placed;
  }

  /** What this flush knows of the session decides; else the database will, at the flush's position. */
  #checkSession(given: string | undefined): void {
    if (!given) return;
    const sessionId = given.toLowerCase();
    const key = factKey(this.#sessionCodec, sessionId);
    const known = this.#working.get(key) ?? this.#facts.current.get(key);
    const status = known ? sessionStatus(known) : this.#facts.inactiveSessions.get(sessionId);
    if (status === null) throw sessionNotFound(sessionId);
    if (status !== undefined && status !== SessionStatus[SessionStatus.ACTIVE])
      throw sessionClosed(sessionId, status);
    if (!known) this.#activeSessions.add(sessionId);
  }

  #checkExternalId(entry: PreparedEntry, id: string): void {
    const externalId = externalIdOf(entry);
    if (externalId === "") return;
    const key = factKey(entry.codec, externalId);
    const owner = this.#externalIds.get(key) ?? this.#facts.externalIds.get(key);
    if (owner !== undefined && owner !== id) throw externalIdTaken(entry.codec, externalId, owner);
  }
}

function sessionStatus(session: FieldBag): string | undefined {
  return session.deleteTime === undefined ? SessionStatus[session.status as SessionStatus] : "DELETED";
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): V[] {
  const list = map.get(key) ?? [];
  list.push(value);
  map.set(key, list);
  return list;
}

function idConflict(entry: PreparedEntry): HoldfastError {
  const id = entryKey(entry);
  return new HoldfastError(
    ErrorReason.ID_CONFLICT,
    `the id ${id} was used before for ${entry.codec.entity.name} content that differs from this`,
    { metadata: { entity: entry.codec.entity.name, id } },
  );
}

function externalIdTaken(codec: EntityCodec, externalId: string, id: string): HoldfastError {
  return new HoldfastError(
    ErrorReason.EXTERNAL_ID_TAKEN,
    `another ${codec.entity.name} has the external_id ${JSON.stringify(externalId)}`,
    { metadata: { entity: codec.entity.name, external_id: externalId, id } },
  );
}

function sessionNotFound(id: string): HoldfastError {
  return new HoldfastError(ErrorReason.SESSION_NOT_FOUND, `no session ${id}`, { metadata: { id } });
}

function sessionClosed(id: string, status: string): HoldfastError {
  return new HoldfastError(ErrorReason.SESSION_CLOSED, `session ${id} is ${status}, expected ACTIVE`, {
    metadata: { id, status },
  });
}
