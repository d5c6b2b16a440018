import {
  type Configuration,
  ConfigurationService,
  type ResolveConfigurationRequest,
} from "../../../gen/holdfast/v1/configuration_pb.js";
import type { ChangeOptions, ReadOptions } from "./call/call-options.js";
import type { Caller } from "./call/caller.js";
import { minPositionOf } from "./call/min-position.js";
import { ConfigurationWatch, type WatchOptions } from "./configuration-watch.js";
import { entityClient, present } from "./entity/entity-client.js";
import type { AsOf, ChangesOf, InputOf, SelectionOf } from "./entity/entity-types.js";
import { type Cursor, cursorFromMessage } from "./follow/cursor.js";
import type { Input } from "./wire/input.js";

const { method } = ConfigurationService;

/** A configuration to create. Without an id the client makes one (UUIDv7). */
export type ConfigurationInput = InputOf<typeof ConfigurationService>;
/** Fields to change: a value sets, null clears, what is left out stays. */
export type ConfigurationChanges = ChangesOf<typeof ConfigurationService>;
/** Which configurations. */
export type ConfigurationSelection = SelectionOf<typeof ConfigurationService>;
/** Which keys, and for which agent; every key unless given. */
export type KeySelection = Pick<Input<ResolveConfigurationRequest>, "keys" | "prefixes" | "agentId">;

/** What is in force. */
export interface ResolvedConfiguration {
  /** One for each key that has one, in order of key. */
  readonly configurations: readonly Configuration[];
  /** What the answer is as of: where to watch after. */
  readonly cursor: Cursor;
}

/** The configurations of a tenant. Every method throws HoldfastError. */
export class Configurations extends entityClient(ConfigurationService) {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    super(caller);
    this.#caller = caller;
  }

  /** What is in force for an agent, or for callers that are none. */
  async resolve(
    selection: KeySelection = {},
    options: ReadOptions & AsOf = {},
  ): Promise<ResolvedConfiguration> {
    const { atPosition } = options;
    const request = { ...selection, ...minPositionOf(options), atPosition };
    const answer = await this.#caller.transport.unary(method.resolveConfiguration, request, options);
    return { configurations: answer.configurations, cursor: cursorFromMessage(answer.cursor) };
  }

  /** Follows what is in force, for as long as it is iterated over. */
  watch(options: WatchOptions = {}): ConfigurationWatch {
    return new ConfigurationWatch(this.#caller.transport, options);
  }

  /** Sets it to what it was at an earlier revision, as a new revision. */
  async rollback(id: string, revision: bigint, options: ChangeOptions = {}): Promise<Configuration> {
    const { transport, newId } = this.#caller;
    const { expectedRevision, requestId = newId() } = options;
    const request = { id, revision, expectedRevision, requestId };
    const answer = await transport.unary(method.rollbackConfiguration, request, options);
    return present(answer.configuration, "Configuration");
  }
}
