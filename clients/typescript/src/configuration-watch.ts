import {
  type ConfigurationChange,
  ConfigurationService,
  type WatchConfigurationsRequest,
  type WatchConfigurationsResponse,
} from "../../../gen/holdfast/v1/configuration_pb.js";
import type { Transport } from "./call/transport.js";
import { type Cursor, cursorOfPosition } from "./follow/cursor.js";
import type { FollowOptions } from "./follow/follow-options.js";
import { Follower } from "./follow/follower.js";
import type { Input } from "./wire/input.js";

/** Which keys to watch, every key unless given, and from where. */
export interface WatchOptions
  extends FollowOptions,
    Pick<Input<WatchConfigurationsRequest>, "keys" | "prefixes" | "agentId"> {
  /** Tell only what changed after this; unless given, what is in force is told first. */
  readonly after?: bigint | Cursor | undefined;
}

/** What the server sends at once: changes, or none in a checkpoint. */
export interface ConfigurationPage {
  readonly changes: readonly ConfigurationChange[];
  /** Everything up to here has been told. It may be beyond the last change. */
  readonly cursor: Cursor;
  /** Whether what follows is live. */
  readonly caughtUp: boolean;
}

/**
 * Follows configurations: what is in force, then each change of it, in order, once. Its cursor moves on with each
 * page: resumed in the middle of one, that page's changes are told again.
 */
export class ConfigurationWatch extends Follower<
  ConfigurationChange,
  ConfigurationPage,
  WatchConfigurationsResponse
> {
  constructor(transport: Transport, options: WatchOptions) {
    const { keys, prefixes, agentId, after } = options;
    const stream = {
      method: ConfigurationService.method.watchConfigurations,
      request: { keys, prefixes, agentId },
      page: ({ changes }: WatchConfigurationsResponse, place: Omit<ConfigurationPage, "changes">) => ({
        changes,
        ...place,
      }),
      // No positionOf: what is in force is told in the order of keys, so no place within it can be resumed at.
      items: ({ changes }: ConfigurationPage) => changes,
    };
    super(transport, stream, typeof after === "bigint" ? cursorOfPosition(after) : after, options);
  }
}
