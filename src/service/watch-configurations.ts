import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Configuration,
  type ConfigurationChangeSchema,
  ConfigurationLayer,
  type WatchConfigurationsRequest,
  type WatchConfigurationsResponseSchema,
} from "../../gen/holdfast/v1/configuration_pb.js";
import { EventFilterSchema } from "../../gen/holdfast/v1/event_pb.js";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import { configuration } from "../entities/configuration.js";
import { checkSelection, type KeySelection, readInForce, requireKeys } from "./resolve-configurations.js";
import { type SubscriptionContext, subscribe } from "./subscription.js";

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
 * @throws INVALID_FIELD, LIMIT_EXCEEDED, POSITION_IN_FUTURE, FOREIGN_CURSOR
 */
export async function* watchConfigurations(
  context: SubscriptionContext,
  tenantId: string,
  request: WatchConfigurationsRequest,
  signal: AbortSignal,
): AsyncGenerator<Response, void> {
  checkSelection(request);
  const codec = context.codecs.of(configuration);
  const [head, inForce] = await context.database.read(tenantId, (run) =>
    readInForce(run, codec, tenantId, request, request.afterPosition),
  );
  requireKeys(inForce);
  const after = request.afterPosition ?? head.position;
  const pages = subscribe(context, {
    tenantId,
    after,
    logId: request.logId,
    filter: create(EventFilterSchema, { entityKinds: [EntityKind.CONFIGURATION] }),
    signal,
  });
  let isFirst = request.afterPosition === undefined;
  for await (const { changes, ...page } of pages) {
    const told: Change[] = [];
    if (isFirst) told.push(...inForce.all().map((each) => change(each.position, each.key, each)));
    isFirst = false;
    for (const { position, record } of changes) {
      const changed = record as unknown as Configuration;
      if (!isSelected(changed, request)) continue;
      const before = inForce.find(changed.key);
      inForce.put(changed);
      requireKeys(inForce);
      const now = inForce.find(changed.key);
      if (now?.id === before?.id && now?.revision === before?.revision) continue;
      told.push(change(position, changed.key, now));
    }
    yield { ...page, changes: told };
  }
}

function change(position: bigint, key: string, inForce: Configuration | undefined): Change {
  return { position, key, ...(inForce && { configuration: inForce }) };
}

function isSelected({ key, layer, agentId }: Configuration, selection: KeySelection): boolean {
  if (layer === ConfigurationLayer.AGENT && agentId !== selection.agentId) return false;
  const { keys, prefixes } = selection;
  if (keys.length === 0 && prefixes.length === 0) return true;
  return keys.includes(key) || prefixes.some((prefix) => key.startsWith(prefix));
}
