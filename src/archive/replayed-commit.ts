import type { EntityCodec } from "../entities/entity-codec.js";
import type { Flush, PlacedRow, StateChange } from "../store/append.js";
import type { ArchivedChange, ArchivedRevision } from "./archived-changes.js";

interface Versioned {
  readonly id: string;
  readonly revision: bigint;
}

/** What one commit wrote, put together again from its changes in order. */
export class ReplayedCommit implements Pick<Flush, "appended" | "changed"> {
  readonly appended = new Map<EntityCodec, PlacedRow[]>();
  readonly changed = new Map<EntityCodec, StateChange[]>();
  /** Appended rows of which something was noted afterwards. */
  readonly noted: ArchivedChange[] = [];
  readonly #last = new Map<string, { rows: StateChange[]; index: number }>();
  readonly #counts: Map<number, [created: number, deleted: number, changes: number]>;
  #offset = 0;

  /** @param counts of the whole log, by kind; each change is added. */
  constructor(counts: Map<number, [created: number, deleted: number, changes: number]>) {
    this.#counts = counts;
  }

  add(change: ArchivedChange): void {
    const { codec, row, contentHash, revision, record } = change;
    const placed = { offset: this.#offset, row, contentHash };
    this.#offset += 1;
    this.#count(codec, revision?.change ?? "CREATED");
    if (revision) this.#addState(codec, placed, revision, record as unknown as Versioned);
    else push(this.appended, codec, placed);
    if (change.outside) this.noted.push(change);
  }

  #addState(codec: EntityCodec, placed: PlacedRow, revision: ArchivedRevision, record: Versioned): void {
    const key = `${codec.entity.table} ${record.id}`;
    const before = this.#last.get(key);
    const earlier = before?.rows[before.index];
    if (before && earlier) before.rows[before.index] = { ...earlier, isLast: false };
    const isNew = earlier?.isNew ?? revision.change === "CREATED";
    const rows = push(this.changed, codec, {
      ...placed,
      requestId: revision.requestId,
      requestHash: revision.requestHash,
      change: revision.change,
      isNew,
      isLast: true,
      baseRevision: earlier ? earlier.baseRevision : isNew ? null : record.revision - 1n,
      created: isNew ? null : revision.createMicros,
    });
    this.#last.set(key, { rows, index: rows.length - 1 });
  }

  #count(codec: EntityCodec, change: StateChange["change"]): void {
    const [created, deleted, changes] = this.#counts.get(codec.entity.kind) ?? [0, 0, 0];
    this.#counts.set(codec.entity.kind, [
      created + (change === "CREATED" ? 1 : 0),
      deleted + (change === "DELETED" ? 1 : 0),
      changes + 1,
    ]);
  }
}

function push<V>(map: Map<EntityCodec, V[]>, codec: EntityCodec, value: V): V[] {
  const list = map.get(codec) ?? [];
  list.push(value);
  map.set(codec, list);
  return list;
}
