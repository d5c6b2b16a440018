import type { HoldfastError } from "../core/errors.js";
import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { Run } from "../store/database.js";
import type { FlushView } from "./entity-rules.js";
import type { FlushFacts } from "./flush-facts.js";

/** An entry found sound on its own, ready to be placed in the log. */
export type PreparedEntry = AppendEntry | CreateEntry | PatchEntry;

/** A row that is written once and never changes. */
export interface AppendEntry {
  readonly verb: "append";
  readonly codec: EntityCodec;
  readonly id: string;
  readonly idIsOurs: boolean;
  readonly row: Row;
  /** Empty for none, as the next two. */
  readonly sessionId: string;
  readonly agentId: string;
  readonly externalId: string;
  readonly contentHash: Buffer;
  readonly byteLength: number;
}

/** A new thing with a current state. Its id is also the id of the request. */
export interface CreateEntry {
  readonly verb: "create";
  readonly codec: EntityCodec;
  readonly message: FieldBag;
  /** What is stored where nothing more is filled in, and its row. */
  readonly asGiven?: { readonly record: FieldBag; readonly row: Row };
  readonly id: string;
  readonly idIsOurs: boolean;
  /** SHA-256 of what the caller asked for, before anything was filled in. */
  readonly requestHash: Buffer;
  /** Output-only fields that it is created with, by local field name. */
  readonly settled?: Readonly<Record<string, unknown>>;
  readonly by?: Attribution | undefined;
  /** Whether the caller needs `record` of the outcome. Otherwise it is not kept: those of a batch may be large. */
  readonly wantsRecord?: boolean;
  /** What the `validate` of the entity's rules found nothing wrong with. */
  readonly validated?: unknown;
  /** Where it stands in the caller's request, for violations. */
  readonly path: string;
  readonly byteLength: number;
}

/** A change of fields of a thing that has a current state. */
export interface PatchEntry {
  readonly verb: "patch";
  readonly codec: EntityCodec;
  /** Of the thing that changes; empty where it is chosen. */
  readonly id: string;
  /** Finds the thing when the change is made. */
  readonly choice?: Choice | undefined;
  readonly by?: Attribution | undefined;
  /** As that of a new thing. */
  readonly wantsRecord?: boolean;
  /** What the `validate` of the entity's rules found nothing wrong with. */
  readonly validated?: unknown;
  readonly idIsOurs: boolean;
  readonly requestId: string;
  readonly requestHash: Buffer;
  readonly change: "UPDATED" | "DELETED";
  /**
   * New values by local field name; undefined clears the field. A function is
   * given the thing as it is when the change is made, and may refuse by throwing.
   */
  readonly fields: PatchFields;
  readonly expectedRevision: bigint | undefined;
  /** Where it stands in the caller's request, for violations. */
  readonly path: string;
  readonly byteLength: number;
}

export type PatchFields =
  | Readonly<Record<string, unknown>>
  | ((current: FieldBag, view: FlushView) => Readonly<Record<string, unknown>>);

/** Finds the thing to change when the change is made; for entities whose flushes are serialised. */
export interface Choice {
  /** Choices with the same key have the same candidates. */
  readonly key: string;
  /**
   * Reads the best candidates into `facts.current`.
   *
   * @returns whether they are within the bytes; if not, nothing was kept, and it is asked again for fewer entries
   */
  load(
    run: Run,
    codec: EntityCodec,
    tenantId: string,
    facts: FlushFacts,
    bounds: CandidateBounds,
  ): Promise<boolean>;
  /** The id of the thing; undefined if there is none, which refuses the entry as NOT_FOUND. */
  find(view: FlushView): string | undefined;
}

export interface CandidateBounds {
  /** How many candidates the entries of the flush may take. */
  readonly limit: number;
  /** How many bytes of rows each statement may read. */
  readonly maxBytes: number;
}

/** Who makes a change, and what the log says of it beside the change itself. */
export interface Attribution {
  readonly actor: string;
  /** Stored right after the change, in the same flush, unless the change is refused or a retry. */
  readonly audit?: AppendEntry | undefined;
}

/** What became of an entry once its flush was durable. */
export type EntryOutcome = StoredEntry | HoldfastError;

export interface StoredEntry {
  readonly position: bigint;
  readonly id: string;
  /** Whether it had been stored before; the position is the first one's. */
  readonly duplicate: boolean;
  /**
   * The thing as this entry left it, with position and times; undefined for duplicates of appended rows, and for
   * things with a current state unless the entry says `wantsRecord`.
   */
  record(): FieldBag | undefined;
}
