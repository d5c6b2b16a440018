import type { HoldfastError } from "../core/errors.js";
import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";

/** An entry found sound on its own, ready to be placed in the log. */
export type PreparedEntry = AppendEntry | CreateEntry | PatchEntry;

/** A row that is written once and never changes. */
export interface AppendEntry {
  readonly verb: "append";
  readonly codec: EntityCodec;
  readonly message: FieldBag;
  readonly id: string;
  readonly idIsOurs: boolean;
  readonly row: Row;
  readonly contentHash: Buffer;
  readonly byteLength: number;
}

/** A new thing with a current state. Its id is also the id of the request. */
export interface CreateEntry {
  readonly verb: "create";
  readonly codec: EntityCodec;
  readonly message: FieldBag;
  readonly id: string;
  readonly idIsOurs: boolean;
  /** SHA-256 of what the caller asked for, before anything was filled in. */
  readonly requestHash: Buffer;
  /** Where it stands in the caller's request, for violations. */
  readonly path: string;
  readonly byteLength: number;
}

/** A change of fields of a thing that has a current state. */
export interface PatchEntry {
  readonly verb: "patch";
  readonly codec: EntityCodec;
  /** Of the thing that changes. */
  readonly id: string;
  readonly idIsOurs: boolean;
  readonly requestId: string;
  readonly requestHash: Buffer;
  readonly change: "UPDATED" | "DELETED";
  /** New values by local field name; undefined clears the field. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly expectedRevision: bigint | undefined;
  /** Where it stands in the caller's request, for violations. */
  readonly path: string;
  readonly byteLength: number;
}

/** What became of an entry once its flush was durable. */
export type EntryOutcome = StoredEntry | HoldfastError;

export interface StoredEntry {
  readonly position: bigint;
  readonly id: string;
  /** Whether it had been stored before; the position is the first one's. */
  readonly duplicate: boolean;
  /** The thing as this entry left it, with position and times; absent for duplicates of appended rows. */
  readonly record: FieldBag | undefined;
}
