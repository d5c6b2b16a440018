import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type Configuration,
  type ConfigurationChangeSchema,
  ConfigurationLayer,
  ConfigurationSchema,
  type WatchConfigurationsRequest,
  type WatchConfigurationsResponseSchema,
} from "../../gen/holdfast/v1/configuration_pb.js";
import { EventFilterSchema } from "../../gen/holdfast/v1/event_pb.js";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import { reserveRoom } from "../core/answer-room.js";
import { configuration } from "../entities/configuration.js";
import { recordFromStored } from "../entities/stored-record.js";
import { cursorFromMessage, toCursor } from "./cursors.js";
import { checkSelection, type KeySelection, readInForce } from "./resolve-configurations.js";
import { splitBySize } from "./split-by-size.js";
import { type SubscriptionRequest, subscribe } from "./subscription.js";
import type { SubscriptionContext } from "./subscription-context.js";

type Change = MessageInitShape<typeof ConfigurationChangeSchema>;
type Response = MessageInitShape<typeof WatchConfigurationsResponseSchema>;

/**
 * What is in force for an agent, then each change of it. The layers as they were at
 * the position where the subscription begins are kept in memory, and every change is
 * applied to them in order: so it is told what came into force at each
 * position, also when a layer above was taken away, and a resumed watch tells
 * the same as one that was never broken.
 *
 * Ends when the signal aborts.
 *
 * @throws INVALID_FIELD, LIMIT_EXCEEDED, POSITION_IN_FUTURE, FOREIGN_CURSOR, LOG_DIVERGED
 */
export async function* watchConfigurations(
  context: SubscriptionContext,
  tenantId: string,
  request: WatchConfigurationsRequest,
  { room, signal }: Pick<SubscriptionRequest, "room" | "signal">,
): AsyncGenerator<Response, void> {
  checkSelection(request);
  const codec = context.codecs.of(configuration);
  const { maxAnswerBytes } = context.settings;
  const resumed = request.after && cursorFromMessage(request.after);
  const wanted = { tenantId, selection: request, after: resumed, maxAnswerBytes };
  const [head, inForce] = await context.hub.inTurn({ tenantId, connection: room.connection }, signal, () =>
    context.database.read(tenantId, (run) => readInForce(run, codec, wanted)),
  );
  inForce.requireFit();
  // Whole, so that what follows is of the history that this was read from.
  const after = resumed ?? {
    logId: head.logId,
    position: head.position,
    commit: head.position > 0n ? head : undefined,
  };
  const filter = create(EventFilterSchema, { entityKinds: [EntityKind.CONFIGURATION] });
  const asked = { tenantId, after, filter, room, signal };
  const pages = subscribe(context, asked, (page) => page);
  let isFirst = resumed === undefined;
  for await (const { changes, ...page } of pages) {
    const told: Told[] = [];
    if (isFirst) {
      const all = inForce.all();
      // In the order of keys: only behind the last of them is there a position to resume after but the start.
      told.push(
        ...all.map((each, i) =>
          tell(each.position, each.key, each, i < all.length - 1 ? 0n : after.position),
        ),
      );
    }
    isFirst = false;
    for (const { position, stored } of changes) {
      const changed = recordFromStored(codec, stored) as unknown as Configuration;
      if (!isSelected(changed, request)) continue;
      const before = inForce.find(changed.key);
      inForce.put(changed);
      inForce.requireFit();
      const now = inForce.find(changed.key);
      if (now?.id === before?.id && now?.revision === before?.revision) continue;
      told.push(tell(position, changed.key, now, position));
    }
    const parts = splitBySize(told, context.settings.maxPageBytes, byteLength);
    for (const [i, part] of parts.entries()) {
      const bytes = part.reduce((sum, each) => sum + byteLength(each), 0);
      if (bytes > 0) await reserveRoom(room, bytes, signal);
      const isLast = i === parts.length - 1;
      const cursor = isLast ? page.cursor : { ...page.cursor, position: part.at(-1)?.resumeAfter ?? 0n };
      const caughtUp = isLast && page.caughtUp;
      yield { cursor: toCursor(cursor), caughtUp, changes: part.map(({ resumeAfter: _, ...each }) => each) };
    }
  }
}

/** A change, and the position to resume after once it was told. */
type Told = Change & { readonly resumeAfter: bigint };

function tell(position: bigint, key: string, inForce: Configuration | undefined, resumeAfter: bigint): Told {
  return { position, key, ...(inForce && { configuration: inForce }), resumeAfter };
}

function byteLength({ configuration }: Told): number {
  return configuration ? toBinary(ConfigurationSchema, configuration as Configuration).byteLength : 0;
}

function isSelected({ key, layer, agentId }: Configuration, selection: KeySelection): boolean {
  if (layer === ConfigurationLayer.AGENT && agentId !== selection.agentId) return false;
  const { keys, prefixes } = selection;
  if (keys.length === 0 && prefixes.length === 0) return true;
  return keys.includes(key) || prefixes.some((prefix) => key.startsWith(prefix));
}
