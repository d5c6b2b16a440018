import { createHash } from "node:crypto";
import { type Timestamp, timestampNow } from "@bufbuild/protobuf/wkt";
import { HoldfastError, notFound } from "../core/errors.js";
import { pushTo } from "../core/push-to.js";
import type { Steps } from "../core/steps.js";
import { microsFromTimestamp } from "../core/time.js";
import { uuidV7 } from "../core/uuid.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { localName } from "../entities/local-name.js";
import type { Flush, PlacedRow, StateChange } from "../store/append.js";
import { applyPatch, newRecord, withFields } from "./apply-change.js";
import { earlierFate, entryHash } from "./earlier-fate.js";
import type { RulesByEntity } from "./entity-rules.js";
import { entryKey, type FlushFacts, factKey, namesOf } from "./flush-facts.js";
import type { EntryFate, FlushPlan, PlanBounds, PlanContext } from "./flush-plan.js";
import { idConflict, nameTaken } from "./flush-refusals.js";
import { FlushRows } from "./flush-rows.js";
import { FlushSessions } from "./flush-sessions.js";
import { MAX_FLUSH_STEPS, STEPS_OF_A_CHANGE } from "./flush-steps.js";
import { type PlacedEntry, placedRow, placedState } from "./placed-entry.js";
import type { AppendEntry, CreateEntry, PatchEntry, PreparedEntry } from "./prepared-entry.js";
import { type PreparedRow, prepareRow } from "./prepared-row.js";

/**
 * Decides, in the order of the entries, what each does to the state as the
 * entries before it leave it. Pure: what it needs of the database is in `facts`.
 *
 * It yields after each change of a thing, so that whoever asks for the plan can
 * do something else in between. For appended rows alone it never yields.
 *
 * @param bounds where the plan may end early; without them it is of all entries
 */
export function* planFlush(
  tenantId: string,
  entries: readonly PreparedEntry[],
  facts: FlushFacts,
  { sessionCodec, rules }: PlanContext,
  bounds?: PlanBounds,
): Steps<FlushPlan> {
  const planner = new FlushPlanner(facts, sessionCodec, rules);
  const fates: EntryFate[] = [];
  let ownBytes = 0;
  for (const entry of entries) {
    fates.push(entry.verb === "append" ? planner.append(entry) : yield* planner.change(entry));
    ownBytes += entry.byteLength;
    if (bounds && isAtBound(bounds, fates.length, planner.steps, planner.byteLength - ownBytes)) break;
  }
  return { flush: planner.flush(tenantId), fates, placed: planner.placed };
}

interface Placed {
  readonly hash: Buffer;
  readonly placed: PlacedEntry;
}

class FlushPlanner {
  readonly #facts: FlushFacts;
  readonly #sessions: FlushSessions;
  readonly #contentHashes: Buffer[] = [];
  readonly #appended = new Map<EntityCodec, PlacedRow[]>();
  readonly #changed = new Map<EntityCodec, StateChange[]>();
  /** Rows as the entries placed so far leave them, and the ones created by them. */
  readonly #rows = new Map<string, FlushRows>();
  readonly #created = new Set<string>();
  readonly #last = new Map<string, { rows: StateChange[]; index: number }>();
  readonly #placed = new Map<string, Placed>();
  readonly #names = new Map<string, string>();
  readonly #rules: RulesByEntity;
  readonly placed: PlacedEntry[] = [];
  /** That the rules took so far. */
  steps = 0;
  /** Of the rows to write, roughly. */
  byteLength = 0;

  constructor(facts: FlushFacts, sessionCodec: EntityCodec, rules: RulesByEntity) {
    this.#facts = facts;
    const findSession = (id: string) => this.#rowsOf(sessionCodec).find(id);
    this.#sessions = new FlushSessions(findSession, facts.inactiveSessions);
    this.#rules = rules;
  }

  append(entry: AppendEntry): EntryFate {
    try {
      return this.#repeat(entry) ?? { kind: "placed", placed: this.#append(entry) };
    } catch (error) {
      return refused(error);
    }
  }

  *change(entry: CreateEntry | PatchEntry): Steps<EntryFate> {
    try {
      const repeat = this.#repeat(entry);
      if (repeat) return repeat;
      const placed = entry.verb === "create" ? yield* this.#create(entry) : yield* this.#patch(entry);
      return { kind: "placed", placed: this.#remember(entry, entry.requestHash, placed) };
    } catch (error) {
      return refused(error);
    }
  }

  flush(tenantId: string): Flush {
    return {
      tenantId,
      count: this.#contentHashes.length,
      contentHashes: this.#contentHashes,
      appended: this.#appended,
      changed: this.#changed,
      activeSessions: [...this.#sessions.required],
    };
  }

  /** The fate of an entry whose id was used before: the first one's, if the content is the same. */
  #repeat(entry: PreparedEntry): EntryFate | undefined {
    const here = this.#placed.get(factKey(entry.codec, entryKey(entry)));
    if (!here) return earlierFate(entry, this.#facts);
    if (!here.hash.equals(entryHash(entry))) throw idConflict(entry);
    return { kind: "repeated", placed: here.placed };
  }

  #append(entry: AppendEntry): PlacedEntry {
    this.#sessions.check(entry.sessionId);
    this.#checkNames(entry, entry.id);
    const { codec, row, contentHash } = entry;
    const offset = this.#nextOffset(contentHash);
    pushTo(this.#appended, codec, { offset, row, contentHash });
    const placed = placedRow(entry, offset);
    this.byteLength += entry.byteLength;
    this.placed.push(placed);
    return this.#remember(entry, contentHash, placed);
  }

  *#create(entry: CreateEntry): Steps<PlacedEntry> {
    const { codec, id } = entry;
    if (this.#rowsOf(codec).find(id)) throw idConflict(entry);
    this.#sessions.check(entry.message.sessionId as string | undefined);
    this.#checkNames(entry, id);
    const prepared = this.#asGiven(entry);
    const record = prepared?.record ?? newRecord(codec, entry.message, timestampNow());
    Object.assign(record, entry.settled);
    return yield* this.#change(entry, "CREATED", record, undefined, prepared);
  }

  /** A new thing that is stored just as it was prepared: nobody but the caller has a say in it. */
  #asGiven({ codec, asGiven, requestHash, byteLength, settled }: CreateEntry) {
    const { actor, beginTime } = codec.entity;
    const isFilledIn = settled || actor || beginTime || this.#rules.get(codec.entity)?.shape;
    if (!asGiven || isFilledIn) return undefined;
    return { record: asGiven.record, row: asGiven.row, sha256: requestHash, byteLength };
  }

  *#patch(entry: PatchEntry): Steps<PlacedEntry> {
    const { codec, change } = entry;
    const rows = this.#rowsOf(codec);
    const id = entry.choice ? (entry.choice.find(rows) ?? "") : entry.id;
    const current = rows.find(id);
    if (!current || current.deleteTime !== undefined) throw notFound(codec.entity.name, id);
    if (codec.entity.isBoundToSession) this.#sessions.check(current.sessionId as string | undefined);
    this.#checkNames(entry, id);
    const record = applyPatch(codec, current, { ...entry, id }, rows);
    return yield* this.#change(entry, change, record, current);
  }

  /** Writes one change of a thing, then those that follow from it. */
  *#change(
    entry: CreateEntry | PatchEntry,
    change: PlacedEntry["change"],
    record: FieldBag,
    before: FieldBag | undefined,
    prepared?: PreparedRow,
  ): Steps<PlacedEntry> {
    const { codec } = entry;
    const rules = this.#rules.get(codec.entity);
    const view = this.#rowsOf(codec);
    if (codec.entity.actor) record[localName(codec.entity, codec.entity.actor)] = entry.by?.actor ?? "";
    rules?.shape?.(record, before, view, entry);
    const request = { requestId: entryKey(entry), requestHash: entry.requestHash };
    const placed = this.#putState(
      codec,
      record,
      change,
      request,
      prepared ?? prepareRow(codec, record, entry.path),
    );
    yield;
    for (const { id, fields } of rules?.effects?.(record, before, view) ?? []) {
      const current = view.find(id);
      if (!current) throw new TypeError(`${codec.entity.name} ${id} was not loaded`);
      view.spend(STEPS_OF_A_CHANGE);
      const changed = withFields(codec, current, fields);
      const requestId = uuidV7();
      const requestHash = createHash("sha256").update(requestId).digest();
      this.#putState(codec, changed, "UPDATED", { requestId, requestHash }, prepareRow(codec, changed, ""));
      yield;
    }
    if (entry.by?.audit) this.#append(entry.by.audit);
    return placed;
  }

  /** Gives one state of a thing its place in the flush. */
  #putState(
    codec: EntityCodec,
    record: FieldBag,
    change: PlacedEntry["change"],
    { requestId, requestHash }: { readonly requestId: string; readonly requestHash: Buffer },
    { row, sha256: contentHash, byteLength }: PreparedRow,
  ): PlacedEntry {
    const id = record.id as string;
    const key = factKey(codec, id);
    const offset = this.#nextOffset(contentHash);
    if (change === "CREATED") this.#created.add(key);
    const known = this.#rowsOf(codec);
    const stored = known.stored(id);
    // Written out: spreading costs more than everything else here.
    const rows = pushTo(this.#changed, codec, {
      requestId,
      requestHash,
      offset,
      row,
      contentHash,
      change,
      isNew: this.#created.has(key),
      isLast: true,
      baseRevision: stored ? (stored.revision as bigint) : null,
      created: stored ? microsFromTimestamp(stored.createTime as Timestamp) : null,
    });
    this.#supersede(key, rows);
    known.put(record);
    this.byteLength += byteLength;
    const placed = placedState(codec, record, { offset, change, byteLength, row });
    this.placed.push(placed);
    return placed;
  }

  /** By table: who made an entry may have made a codec of its own. */
  #rowsOf(codec: EntityCodec): FlushRows {
    const { table } = codec.entity;
    let rows = this.#rows.get(table);
    if (!rows) {
      rows = new FlushRows(codec, this.#facts, (steps) => {
        this.steps += steps;
      });
      this.#rows.set(table, rows);
    }
    return rows;
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
    for (const name of namesOf(entry)) this.#names.set(factKey(entry.codec, name), placed.id);
    return placed;
  }

  #checkNames(entry: PreparedEntry, id: string): void {
    for (const name of namesOf(entry)) {
      const key = factKey(entry.codec, name);
      const owner = this.#names.get(key) ?? this.#facts.names.get(key);
      if (owner !== undefined && owner !== id) throw nameTaken(entry.codec, name, owner);
    }
  }
}

function isAtBound(
  { ends, maxBytes }: PlanBounds,
  count: number,
  steps: number,
  addedBytes: number,
): boolean {
  if (addedBytes >= maxBytes) return true;
  return steps >= MAX_FLUSH_STEPS && ends.some((end) => end.count === count);
}

function refused(error: unknown): EntryFate {
  if (error instanceof HoldfastError) return { kind: "settled", outcome: error };
  throw error;
}
