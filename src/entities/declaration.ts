import type { DescMessage, DescService } from "@bufbuild/protobuf";
import type { EntityKind } from "../../gen/holdfast/v1/log_pb.js";

/** The field that says where a thing is in its life, and where it may go from there. */
export interface Lifecycle {
  /** An enum field, by proto name. */
  readonly field: string;
  /** The value of a thing created without one. */
  readonly initial: number;
  /** Whether a thing may be created with a later value, for one that already happened. */
  readonly mayStartLater: boolean;
  /** From each value that is not final, the values it may change to. */
  readonly transitions: Readonly<Record<number, readonly number[]>>;
}

/** A payload field that is withheld from most callers; all are proto names of the entity's message. */
export interface SecretField {
  readonly field: string;
  /** The boolean field that says whether a thing's value is a secret; it must never change. */
  readonly flag: string;
  /** The boolean field that says in an answer that the value was withheld; it is not stored. */
  readonly redacted: string;
}

/**
 * What is stored of one entity beyond what its message descriptor already says.
 * Everything generic follows from the two: columns, validation, hashing, the
 * append path, reads and the feed.
 */
export interface EntityDeclaration<Desc extends DescMessage = DescMessage> {
  /** Singular, as in messages and in `revisions.entity`: "observation". */
  readonly name: string;
  /** Plural: "observations". */
  readonly table: string;
  readonly kind: EntityKind;
  /** Whether rows are appended and never change, or have a current state and revisions. */
  readonly nature: "append" | "state";
  readonly message: Desc;
  /** Its standard methods are served as they are declared; see rpc/handlers/standard-handlers.ts. */
  readonly service: DescService;
  readonly lifecycle?: Lifecycle;
  /** Whether a thing may change only while its session is ACTIVE; any may be created only then. */
  readonly isBoundToSession?: boolean;
  /** The timestamp field, by proto name, that is set at creation unless given. */
  readonly beginTime?: string;
  /** Fields, by proto name, that an update mask may name. */
  readonly updatable?: readonly string[];
  /**
   * Map fields, by proto name, that an update adds its keys to, so that writers
   * of different keys all win; an empty map removes every key.
   */
  readonly mergedMaps?: readonly string[];
  /**
   * Fields, by proto name, whose values together no two things of a tenant that
   * are not deleted may share; `external_id` is always unique by itself.
   */
  readonly uniqueKey?: readonly string[];
  /** Fields, by proto name, that only Holdfast sets: ignored when creating. */
  readonly outputOnly?: readonly string[];
  /** The output-only field, by proto name, that holds who made the last change. */
  readonly actor?: string;
  /** What of a thing only callers with the role secret_reader are shown. */
  readonly secret?: SecretField;
  /**
   * Output-only fields, by proto name, that are no part of the row and its
   * revisions: whoever serves them reads them from where they are kept.
   */
  readonly storedElsewhere?: readonly string[];
  /** The timestamp field, by proto name, from which on a thing is no longer found, changed or listed. */
  readonly expireTime?: string;
  /**
   * A payload field, by proto name, the last of the message, which rows stored
   * by the first version have none of: where it is empty, a row hashes and is
   * written to its revisions as it was then.
   */
  readonly addedLater?: string;
  /** Fields, by proto name, that hold the UUID of something else. */
  readonly references?: readonly string[];
  /** Fields, by proto name, that may not be empty. */
  readonly required?: readonly string[];
  /** Numeric fields, by proto name, with the least and greatest value allowed. */
  readonly ranges?: Readonly<Record<string, readonly [number, number]>>;
  /** Longest text allowed, in characters, for fields that are indexed or meant to be short. */
  readonly maxLengths?: Readonly<Record<string, number>>;
}
