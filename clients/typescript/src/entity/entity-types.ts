import type { DescMessage, DescService, Message, MessageShape } from "@bufbuild/protobuf";
import type { ReadOptions } from "../call/call-options.js";
import type { FieldInput, Input } from "../wire/input.js";
import type { FixedFields, OutputFields } from "./entity-fields.js";

/** The request of a service's method. */
export type RequestOf<S extends DescService, M extends string> = M extends keyof S["method"]
  ? S["method"][M] extends { input: infer I extends DescMessage }
    ? MessageShape<I>
    : never
  : never;

/** The answer of a service's method. */
export type ResponseOf<S extends DescService, M extends string> = M extends keyof S["method"]
  ? S["method"][M] extends { output: infer O extends DescMessage }
    ? MessageShape<O>
    : never
  : never;

type MethodOf<S extends DescService> = keyof S["method"] & string;

/** What a service is about, by the one method that gets it: "Goal". */
export type NameOf<S extends DescService> =
  MethodOf<S> extends infer M ? (M extends `get${infer N}` ? N : never) : never;

type ValueOf<R, F extends string> = F extends keyof R ? Exclude<R[F], undefined> : never;

/** The thing itself. */
export type EntityOf<S extends DescService> = ValueOf<
  ResponseOf<S, `get${NameOf<S>}`>,
  Uncapitalize<NameOf<S>>
> &
  Message;

/** The thing as one change left it. */
export type RevisionOf<S extends DescService> =
  ResponseOf<S, `list${NameOf<S>}Revisions`> extends { revisions: (infer R)[] } ? R : never;

type Filter<R> = R extends { pageToken: string; filter?: infer F } ? Exclude<F, undefined> : never;

/** Which of them. */
export type SelectionOf<S extends DescService> = Omit<
  FieldInput<Filter<RequestOf<S, MethodOf<S> & `list${string}`>>>,
  "$typeName"
>;

type OutputOnly<N extends string> =
  | "$typeName"
  | "position"
  | "createTime"
  | "updateTime"
  | "deleteTime"
  | "revision"
  | (N extends keyof OutputFields ? OutputFields[N] : never);

/** One to create. Without an id the client makes one (UUIDv7). */
export type InputOf<S extends DescService> = Omit<Input<EntityOf<S>>, OutputOnly<NameOf<S>>>;

type Fixed<N extends string> = "id" | "sessionId" | (N extends keyof FixedFields ? FixedFields[N] : never);

/** Fields to change: a value sets, null clears, what is left out stays. */
export type ChangesOf<S extends DescService> = {
  readonly [K in Exclude<keyof InputOf<S>, Fixed<NameOf<S>>>]?: InputOf<S>[K] | null;
};

/** How to get one. */
export type GetOptionsOf<S extends DescService> = ReadOptions &
  ("atPosition" extends keyof RequestOf<S, `get${NameOf<S>}`> ? AsOf : unknown);

/** A read of the past. */
export interface AsOf {
  /** As it was at this position; now unless given. */
  readonly atPosition?: bigint | undefined;
}

/** The verbs of which a service has the methods. */
export type VerbOf<S extends DescService> =
  | "get"
  | "list"
  | "page"
  | (MethodOf<S> extends infer M ? VerbOfMethod<M, NameOf<S>> : never);

type VerbOfMethod<M, N extends string> = M extends `create${N}`
  ? "create"
  : M extends `batchCreate${string}`
    ? "batchCreate"
    : M extends `batchGet${string}`
      ? "batchGet"
      : M extends `update${N}`
        ? "update"
        : M extends `delete${N}`
          ? "delete"
          : M extends `list${N}Revisions`
            ? "revisions"
            : never;
