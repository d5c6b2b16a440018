import type { DescMessage } from "@bufbuild/protobuf";
import type { EntityKind } from "../../gen/holdfast/v1/event_pb.js";

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
  readonly lifecycle?: Lifecycle;
  /** The timestamp field, by proto name, that is set at creation unless given. */
  readonly beginTime?: string;
  /** Fields, by proto name, that only the server sets and that need no rule of their own. */
  readonly outputOnly?: readonly string[];
  /** Fields, by proto name, that an update mask may name. */
  readonly updatable?: readonly string[];
  /** Fields, by proto name, that hold the UUID of something else. */
  readonly references?: readonly string[];
  /** Fields, by proto name, that may not be empty. */
  readonly required?: readonly string[];
  /** Numeric fields, by proto name, with the least and greatest value allowed. */
  readonly ranges?: Readonly<Record<string, readonly [number, number]>>;
  /** Longest text allowed, in characters, for fields that are indexed or meant to be short. */
  readonly maxLengths?: Readonly<Record<string, number>>;
}
