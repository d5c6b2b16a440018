import { type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type EventFilter,
  EventFilterSchema,
  type ListEventsRequest,
  type ListEventsResponseSchema,
} from "../../gen/holdfast/v1/event_pb.js";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import { type FieldViolation, invalidFields } from "../core/errors.js";
import { mapInTurns } from "../core/in-turns.js";
import { cursorFromToken, pageSize, pageToken } from "../core/page-token.js";
import { isUuid } from "../core/uuid.js";
import type { Codecs } from "../entities/codecs.js";
import { cursorAt } from "../store/cursor-at.js";
import type { Database, ReadBounds, Run } from "../store/database.js";
import { type LogHead, readLogHead } from "../store/log-head.js";
import { readLogHeadAt } from "../store/log-head-at.js";
import { readAncestors } from "../store/read-ancestors.js";
import { type ChangeFilter, firstChanges, readChanges } from "../store/read-changes.js";
import { readCursor } from "../store/read-cursor.js";
import { readMinPosition } from "../store/read-min-position.js";
import {
  CURSOR_PARTS,
  cursorFromMessage,
  cursorFromParts,
  FROM_START,
  partsOfCursor,
  toCursor,
  wrongCursor,
} from "./cursors.js";
import type { DurableLog } from "./durable-log.js";
import { eventFromChange } from "./event-from-change.js";

/** Values in one part of a filter: each of them is a range of an index to read. */
const MAX_FILTER_VALUES = 100;

export interface EventsContext {
  readonly database: Database;
  readonly codecs: Codecs;
  readonly durable: DurableLog;
  /** Bytes of a page at most, so that an answer fits into a message. */
  readonly maxPageBytes: number;
  /** Positions a filtered read may pass over at once. */
  readonly maxPagePositions: number;
}

/** A page of the log, oldest first. Pages may be shorter than asked for where entries are large or filtered out. */
export async function listEvents(
  { database, codecs, durable, maxPageBytes, maxPagePositions }: EventsContext,
  tenantId: string,
  request: ListEventsRequest,
  bounds?: ReadBounds,
): Promise<MessageInitShape<typeof ListEventsResponseSchema>> {
  const asked = changeFilter(request.filter, wrongCursor(request.after, "after"));
  const from = request.after ? cursorFromMessage(request.after) : FROM_START;
  const list = ["events", tenantId, String(from.position), filterText(request.filter)];
  const token = cursorFromToken(request.pageToken, list, CURSOR_PARTS);
  // All pages are of one history.
  const after = token ? { ...cursorFromParts(token), logId: from.logId } : from;
  const maxChanges = pageSize(request.pageSize);
  const { head, changes, ...rest } = await database.read(
    tenantId,
    async (run) => {
      const [log, place] = await Promise.all([
        readMinPosition(run, tenantId, request),
        readCursor(run, tenantId, after),
      ]);
      const head = log.check();
      place.check();
      const filter = await withAncestors(run, tenantId, asked, request.filter);
      const furthest = after.position + BigInt(maxPagePositions);
      const upTo = head.position < furthest ? head.position : furthest;
      const bytes = { maxBytes: maxPageBytes, turn: bounds?.turn };
      const range = { tenantId, after: after.position, upTo, filter, maxChanges, ...bytes };
      const { changes, through } = firstChanges(await readChanges(run, codecs, range), maxChanges);
      const cursor = await cursorAt(run, tenantId, head, through);
      return {
        head,
        changes,
        nextPageToken: through < head.position ? pageToken(partsOfCursor(cursor), list) : "",
        lastPosition: head.position,
        cursor: toCursor(cursor),
      };
    },
    bounds,
  );
  // An event at a position is not another one later, also when the caller goes on by a subscription.
  await durable.confirm(tenantId, head, bounds?.signal);
  const events = await mapInTurns(changes, (change) => eventFromChange(codecs, change), bounds?.turn);
  return { ...rest, events };
}

/**
 * The commit that contains a position, or the last one for 0, once the log is durable up to there: a cursor of it, or its
 * hash, is kept elsewhere.
 *
 * @throws POSITION_IN_FUTURE, INVALID_FIELD
 */
export async function logHead(
  { database, durable }: Pick<EventsContext, "database" | "durable">,
  tenantId: string,
  atPosition: bigint,
  bounds?: ReadBounds,
): Promise<LogHead> {
  if (atPosition < 0n) {
    const description = `expected 0 or a position, got ${atPosition}`;
    throw invalidFields([{ field: "at_position", description }]);
  }
  const read = (run: Run) =>
    atPosition === 0n ? readLogHead(run, tenantId) : readLogHeadAt(run, tenantId, atPosition);
  const head = await database.read(tenantId, read, bounds);
  await durable.confirm(tenantId, head, bounds?.signal);
  return head;
}

/**
 * A caller's filter, checked.
 *
 * @param found what is wrong with the rest of the request: all of it is told at once.
 * @throws INVALID_FIELD
 */
export function changeFilter(
  filter: EventFilter | undefined,
  found: readonly FieldViolation[] = [],
): ChangeFilter {
  const { sessionIds = [], agentIds = [], entityKinds = [] } = filter ?? {};
  const violations = [...found];
  for (const [field, values] of Object.entries({ session_ids: sessionIds, agent_ids: agentIds })) {
    if (values.length > MAX_FILTER_VALUES) {
      const description = `expected at most ${MAX_FILTER_VALUES} values, got ${values.length}`;
      violations.push({ field: `filter.${field}`, description });
    }
  }
  for (const [i, id] of sessionIds.entries()) {
    if (!isUuid(id)) {
      const description = `expected a UUID, got ${JSON.stringify(id.slice(0, 80))}`;
      violations.push({ field: `filter.session_ids[${i}]`, description });
    }
  }
  for (const [i, id] of agentIds.entries()) {
    if (id === "" || id.includes("\0")) {
      const description = `expected an agent's name without NUL (U+0000), got ${JSON.stringify(id.slice(0, 80))}`;
      violations.push({ field: `filter.agent_ids[${i}]`, description });
    }
  }
  violations.push(...kindViolations(entityKinds, "filter.entity_kinds"));
  if (violations.length > 0) throw invalidFields(violations);
  // A value given twice must not deliver anything twice.
  return {
    sessionIds: [...new Set(sessionIds.map((id) => id.toLowerCase()))],
    agentIds: [...new Set(agentIds)],
    kinds: [...new Set(entityKinds)],
  };
}

/** The filter with the past that its sessions share with others, where the caller asked for that. */
export async function withAncestors(
  run: Run,
  tenantId: string,
  filter: ChangeFilter,
  asked: EventFilter | undefined,
): Promise<ChangeFilter> {
  if (!asked?.includeAncestors || filter.sessionIds.length === 0) return filter;
  return { ...filter, ancestors: await readAncestors(run, tenantId, filter.sessionIds) };
}

/** What is wrong with a list of kinds. */
export function kindViolations(kinds: readonly EntityKind[], field: string): readonly FieldViolation[] {
  return kinds.flatMap((kind, i) => {
    const isKnown = kind !== EntityKind.UNSPECIFIED && EntityKind[kind] !== undefined;
    const description = `expected an EntityKind, got the number ${kind}`;
    return isKnown ? [] : [{ field: `${field}[${i}]`, description }];
  });
}

function filterText(filter: EventFilter | undefined): string {
  return filter ? Buffer.from(toBinary(EventFilterSchema, filter)).toString("base64") : "";
}
