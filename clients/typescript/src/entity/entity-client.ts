import type { DescService } from "@bufbuild/protobuf";
import type { AppendResult } from "../../../../gen/holdfast/v1/log_pb.js";
import type { CallOptions, ChangeOptions, ReadOptions } from "../call/call-options.js";
import type { Caller } from "../call/caller.js";
import { minPositionOf } from "../call/min-position.js";
import { HoldfastError } from "../holdfast-error.js";
import { allPages, type ListOptions, type Page, type PageOptions } from "../pages.js";
import type { Saved } from "../recorder/recorded.js";
import { outcomesOf } from "../recorder/settle-batch.js";
import { maskedChanges } from "../wire/field-mask.js";
import { type EntityMethods, entityMethods } from "./entity-methods.js";
import type {
  ChangesOf,
  EntityOf,
  GetOptionsOf,
  InputOf,
  RevisionOf,
  SelectionOf,
  VerbOf,
} from "./entity-types.js";

/** The id of something, or the caller's own name for it. */
export type Key = string | { readonly externalId: string };

/** What became of one of a batch: what is stored and where, or why it is not. */
export type CreateOutcome<T> =
  | (Saved & { readonly entity: T; readonly error?: undefined })
  | { readonly id: string; readonly error: HoldfastError };

/** The verbs of one kind of entity, by its service. Every method throws {@link HoldfastError}. */
class EntityVerbs<S extends DescService> {
  readonly #caller: Caller;
  readonly #methods: EntityMethods;

  constructor(caller: Caller, service: S) {
    this.#caller = caller;
    this.#methods = entityMethods(service);
  }

  /** Creates one. The same id and content again answers with the first result. */
  async create(entity: InputOf<S>, options?: CallOptions): Promise<EntityOf<S>> {
    return this.#one("create", { [this.#methods.method("create").given]: this.#named(entity) }, options);
  }

  /** Creates up to 500 and answers what became of each, in order. One that is bad does not keep others out. */
  async batchCreate(
    entities: readonly InputOf<S>[],
    options?: CallOptions,
  ): Promise<readonly CreateOutcome<EntityOf<S>>[]> {
    const named = entities.map((entity) => this.#named(entity));
    const { given, answered } = this.#methods.method("batchCreate");
    const answer = await this.#call("batchCreate", { [given]: named }, options);
    const result = answer["result"] as AppendResult | undefined;
    if (!result) throw new HoldfastError("the server answered without a result", { code: "INTERNAL" });
    const stored = (answer[answered] as EntityOf<S>[]).values();
    return outcomesOf(named, result).map((outcome, index) => {
      const { id } = named[index] as { id: string };
      if (outcome instanceof HoldfastError) return { id, error: outcome };
      return { ...outcome, entity: this.#present(stored.next().value) };
    });
  }

  /** The one of this id, or of the caller's own name for it. NOT_FOUND when there is none. */
  async get(key: Key, options: GetOptionsOf<S> = {} as GetOptionsOf<S>): Promise<EntityOf<S>> {
    const { atPosition } = options as ReadOptions & { readonly atPosition?: bigint };
    const named =
      typeof key === "string" ? { case: "id", value: key } : { case: "externalId", value: key.externalId };
    return this.#one("get", { key: named, ...minPositionOf(options), atPosition }, options);
  }

  /** Up to 1000 by id, in the order asked for; those that do not exist are left out. */
  async batchGet(ids: readonly string[], options: ReadOptions = {}): Promise<readonly EntityOf<S>[]> {
    const answer = await this.#call("batchGet", { ids, ...minPositionOf(options) }, options);
    return answer[this.#methods.method("batchGet").answered] as EntityOf<S>[];
  }

  /** All that match, newest first unless told otherwise. */
  list(
    filter: SelectionOf<S> = {} as SelectionOf<S>,
    options: ListOptions & ReadOptions = {},
  ): AsyncGenerator<EntityOf<S>, void, undefined> {
    return allPages(options.pageToken, (pageToken) => this.page(filter, { ...options, pageToken }));
  }

  /** One page of those. */
  async page(
    filter: SelectionOf<S> = {} as SelectionOf<S>,
    options: ListOptions & ReadOptions = {},
  ): Promise<Page<EntityOf<S>>> {
    return this.#page("list", { filter, order: options.order }, options);
  }

  /** Changes the fields given and no others. */
  async update(id: string, changes: ChangesOf<S>, options: ChangeOptions = {}): Promise<EntityOf<S>> {
    const { given } = this.#methods.method("update");
    const { values, paths } = maskedChanges(this.#methods.entity, changes as Record<string, unknown>);
    const request = { [given]: { ...values, id }, updateMask: { paths }, ...this.#change(options) };
    return this.#one("update", request, options);
  }

  /** Marks it deleted; its past stays in the log. */
  async delete(id: string, options: ChangeOptions = {}): Promise<EntityOf<S>> {
    return this.#one("delete", { id, ...this.#change(options) }, options);
  }

  /** Every state it ever had, newest first. */
  revisions(
    id: string,
    options: PageOptions & ReadOptions = {},
  ): AsyncGenerator<RevisionOf<S>, void, undefined> {
    return allPages(options.pageToken, (pageToken) =>
      this.#page<RevisionOf<S>>("revisions", { id }, { ...options, pageToken }),
    );
  }

  async #page<T>(verb: string, request: object, options: PageOptions & ReadOptions): Promise<Page<T>> {
    const { pageSize, pageToken } = options;
    const answer = await this.#call(
      verb,
      { ...request, pageSize, pageToken, ...minPositionOf(options) },
      options,
    );
    const nextPageToken = (answer["nextPageToken"] as string) || undefined;
    return { items: answer[this.#methods.method(verb).answered] as T[], nextPageToken };
  }

  async #one(verb: string, request: object, options: CallOptions | undefined): Promise<EntityOf<S>> {
    const answer = await this.#call(verb, request, options);
    return this.#present(answer[this.#methods.method(verb).answered] as EntityOf<S> | undefined);
  }

  // Here what the types say meets what the descriptor says: both are read from the same method names.
  async #call(verb: string, request: object, options?: CallOptions): Promise<Record<string, unknown>> {
    const { method } = this.#methods.method(verb);
    return (await this.#caller.transport.unary(method, request, options)) as unknown as Record<
      string,
      unknown
    >;
  }

  #named(entity: InputOf<S>): InputOf<S> & { readonly id: string } {
    return { ...entity, id: (entity as { readonly id?: string }).id || this.#caller.newId() };
  }

  #change({ expectedRevision, requestId }: ChangeOptions) {
    return { expectedRevision, requestId: requestId ?? this.#caller.newId() };
  }

  #present(entity: EntityOf<S> | undefined): EntityOf<S> {
    return present(entity, this.#methods.entity.name);
  }
}

/** The client of one kind of entity: the verbs of which its service has the methods. */
export type EntityClient<S extends DescService> = Pick<EntityVerbs<S>, VerbOf<S>>;

/** The class of that client, to be extended by what is special to the entity. */
export function entityClient<S extends DescService>(service: S): new (caller: Caller) => EntityClient<S> {
  return class extends EntityVerbs<S> {
    constructor(caller: Caller) {
      super(caller, service);
    }
  };
}

/** What an answer must hold. Throws INTERNAL when it does not. */
export function present<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw new HoldfastError(`the server answered without ${name}`, { code: "INTERNAL" });
}
