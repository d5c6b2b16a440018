import type { EntityDeclaration } from "../entities/declaration.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { Run } from "../store/database.js";
import type { FlushFacts } from "./flush-facts.js";
import type { CreateEntry, PatchEntry, PreparedEntry } from "./prepared-entry.js";

/**
 * What is special to one entity when it is written, beyond its declaration: a
 * file of its own under its name. Only things with a current state have rules.
 */
export interface EntityRules {
  /**
   * Flushes with entries of this entity go one at a time for a tenant, on all
   * servers, so that what `load` reads beyond the entries' own rows stays true.
   */
  readonly isSerialised: boolean;
  /**
   * Reads into `facts.current` the further rows that the entries may bear on,
   * within the flush's transaction.
   *
   * @param maxBytes how many bytes of rows each statement may read
   * @returns whether all are within the bytes; if not, nothing was kept, and it is asked again for fewer entries
   */
  load?(
    run: Run,
    codec: EntityCodec,
    tenantId: string,
    entries: readonly PreparedEntry[],
    facts: FlushFacts,
    maxBytes: number,
  ): Promise<boolean>;
  /**
   * The thing as it is to be written, given what an entry makes of it; may set
   * fields of the copy it is given, and refuses by throwing a HoldfastError:
   * ValidationNeeded if `entry.validated` is not what must be validated of it.
   */
  shape?(
    record: FieldBag,
    before: FieldBag | undefined,
    view: FlushView,
    entry: CreateEntry | PatchEntry,
  ): void;
  /**
   * Does what takes longer than a flush may, outside of it: `shape` asks for it by throwing ValidationNeeded with the
   * subject, and is given it back in the next flush as `entry.validated`. Each time `shape` compares it with the thing
   * as it is then, so nothing is stored by what held of an earlier revision. The entry comes after the others of its
   * batch, and after what was sent later on its stream: not for entities that are streamed in.
   *
   * @throws HoldfastError, which refuses the entry
   */
  validate?(tenantId: string, subject: unknown, signal: AbortSignal): Promise<void>;
  /**
   * Changes to other things of the entity that follow from one, made right after it in the same flush: all of them,
   * also those that follow from each other. Each is made, and seen in `view`, before the next is asked for.
   */
  effects?(record: FieldBag, before: FieldBag | undefined, view: FlushView): Iterable<Effect>;
}

/** Things of one entity as the entries placed so far leave them, as far as they were loaded. */
export interface FlushView {
  find(id: string): FieldBag | undefined;
  all(): Iterable<FieldBag>;
  /** The rows under a key of an index, by id. A change of a row changes what was returned. */
  having(index: RowIndex, key: string): ReadonlyMap<string, FieldBag>;
  /** The place of a row among those that this flush changes, by the first change of each; undefined for any other. */
  ordinal(id: string): number | undefined;
  /**
   * Counts rows and edges that a rule has looked at beyond the entry's own row. A flush that has taken too many steps
   * ends with the call that took them; the calls behind it go into the next one.
   */
  spend(steps: number): void;
  /** What the entity's `load` left in `facts.loaded`. */
  readonly loaded: unknown;
}

/** The keys under which a row is found, by the row alone. One function is one index. */
export type RowIndex = (record: FieldBag) => Iterable<string>;

/** A change that follows from another. */
export interface Effect {
  readonly id: string;
  /** New values by local field name; undefined clears the field. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export type RulesByEntity = ReadonlyMap<EntityDeclaration, EntityRules>;
