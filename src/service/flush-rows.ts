import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { FlushView, RowIndex } from "./entity-rules.js";
import { type FlushFacts, factKey } from "./flush-facts.js";

type Entries = Map<string, Map<string, FieldBag>>;

/**
 * The rows of one entity while a flush is planned: those read from the database, and in their place what the entries
 * placed so far have made of them.
 *
 * An index is built at its first use, over all rows, and kept up to date by each `put`. So finding rows by an index
 * costs as much as there are rows under the key, however many rows the flush has read.
 */
export class FlushRows implements FlushView {
  readonly loaded: unknown;
  readonly spend: (steps: number) => void;
  readonly #stored = new Map<string, FieldBag>();
  readonly #changed = new Map<string, FieldBag>();
  readonly #ordinals = new Map<string, number>();
  readonly #indexes = new Map<RowIndex, Entries>();

  /** @param spend is told of the steps that rules take, see `FlushView.spend`. */
  constructor(codec: EntityCodec, { current, loaded }: FlushFacts, spend: (steps: number) => void) {
    const prefix = factKey(codec, "");
    for (const [key, record] of current) {
      if (key.startsWith(prefix)) this.#stored.set(record.id as string, record);
    }
    this.loaded = loaded.get(codec.entity.table);
    this.spend = spend;
  }

  find(id: string): FieldBag | undefined {
    return this.#changed.get(id) ?? this.#stored.get(id);
  }

  /** The row as the database has it. */
  stored(id: string): FieldBag | undefined {
    return this.#stored.get(id);
  }

  /** The row from now on. */
  put(record: FieldBag): void {
    const id = record.id as string;
    if (this.#indexes.size > 0) {
      const before = this.find(id);
      for (const [index, entries] of this.#indexes) {
        if (before) for (const key of index(before)) entries.get(key)?.delete(id);
        addTo(entries, index, record);
      }
    }
    this.#changed.set(id, record);
    if (!this.#ordinals.has(id)) this.#ordinals.set(id, this.#ordinals.size);
  }

  ordinal(id: string): number | undefined {
    return this.#ordinals.get(id);
  }

  *all(): Iterable<FieldBag> {
    yield* this.#changed.values();
    for (const [id, record] of this.#stored) if (!this.#changed.has(id)) yield record;
  }

  having(index: RowIndex, key: string): ReadonlyMap<string, FieldBag> {
    let entries = this.#indexes.get(index);
    if (!entries) {
      entries = new Map();
      for (const record of this.all()) addTo(entries, index, record);
      this.#indexes.set(index, entries);
    }
    return entries.get(key) ?? NO_ROWS;
  }
}

const NO_ROWS: ReadonlyMap<string, FieldBag> = new Map();

function addTo(entries: Entries, index: RowIndex, record: FieldBag): void {
  const id = record.id as string;
  for (const key of index(record)) {
    const rows = entries.get(key);
    if (rows) rows.set(id, record);
    else entries.set(key, new Map([[id, record]]));
  }
}
