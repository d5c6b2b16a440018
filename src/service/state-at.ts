import type { MessageInitShape } from "@bufbuild/protobuf";
import type { GetStateAtRequest, GetStateAtResponseSchema } from "../../gen/holdfast/v1/admin_pb.js";
import { type FieldViolation, invalidFields, notFound } from "../core/errors.js";
import { mapInTurns } from "../core/in-turns.js";
import { cursorFromToken, pageSize, pageToken } from "../core/page-token.js";
import { isUuid } from "../core/uuid.js";
import { session } from "../entities/session.js";
import { cursorAt } from "../store/cursor-at.js";
import type { ReadBounds, Run } from "../store/database.js";
import { readAncestors } from "../store/read-ancestors.js";
import { type ChangeFilter, firstChanges, readChanges } from "../store/read-changes.js";
import { readCursor } from "../store/read-cursor.js";
import { readMinPosition } from "../store/read-min-position.js";
import { readRevisions } from "../store/read-revisions.js";
import { readRevisionsEnd } from "../store/read-revisions-end.js";
import { CURSOR_PARTS, cursorFromParts, FROM_START, partsOfCursor, toCursor } from "./cursors.js";
import { eventFromChange } from "./event-from-change.js";
import { type EventsContext, kindViolations } from "./events.js";

/** Revisions a page passes over at most: of a thing that changed often, all but one are superseded. */
const MAX_REVISIONS = 10_000;

/** A page of everything about a session or an agent as of a position, which the page token keeps. */
export async function stateAt(
  context: EventsContext,
  tenantId: string,
  request: GetStateAtRequest,
  bounds?: ReadBounds,
): Promise<MessageInitShape<typeof GetStateAtResponseSchema>> {
  const { database, codecs, maxPageBytes: maxBytes } = context;
  const subject = checkedSubject(request);
  const list = [
    "state",
    tenantId,
    ...Object.entries(subject).flat(),
    String(request.position),
    request.entityKinds.join(),
    String(request.includeDeleted),
    String(request.excludeAncestors),
  ];
  const token = cursorFromToken(request.pageToken, list, [...CURSOR_PARTS, "whole number"]);
  const asked = token ? cursorFromParts(token) : { ...FROM_START, position: request.position };
  const after = BigInt(token?.at(-1) ?? 0);
  const maxChanges = pageSize(request.pageSize);
  const { changes, ...rest } = await database.read(
    tenantId,
    async (run) => {
      const [log, place] = await Promise.all([
        readMinPosition(run, tenantId, request),
        readCursor(run, tenantId, asked),
      ]);
      const head = log.check();
      place.check();
      const position = asked.position || head.position;
      const filter = await subjectFilter(context, run, tenantId, request, subject, position);
      const upTo = await readRevisionsEnd(run, {
        tenantId,
        after,
        upTo: position,
        filter,
        limit: MAX_REVISIONS,
      });
      const page = await readChanges(run, codecs, {
        tenantId,
        after,
        upTo,
        filter: { ...filter, kinds: request.entityKinds },
        standing: { position, includeDeleted: request.includeDeleted },
        maxChanges,
        maxBytes,
        turn: bounds?.turn,
      });
      const { changes, through } = firstChanges(page, maxChanges);
      const cursor = await cursorAt(run, tenantId, head, position);
      const next = [...partsOfCursor(cursor), String(through)];
      return {
        changes,
        nextPageToken: through < position ? pageToken(next, list) : "",
        cursor: toCursor(cursor),
      };
    },
    bounds,
  );
  const items = await mapInTurns(changes, (change) => eventFromChange(codecs, change), bounds?.turn);
  return { ...rest, items };
}

type Subject = { readonly sessionId: string } | { readonly agentId: string };

function checkedSubject({ subject, position, entityKinds }: GetStateAtRequest): Subject {
  const violations: FieldViolation[] = [...kindViolations(entityKinds, "entity_kinds")];
  if (position < 0n) {
    violations.push({ field: "position", description: `expected 0 or a position, got ${position}` });
  }
  const { case: field, value = "" } = subject;
  if (field === "agentId") {
    if (value === "" || value.includes("\0")) {
      const got = value === "" ? "nothing" : "one with NUL (U+0000)";
      violations.push({ field: "agent_id", description: `expected an agent's name, got ${got}` });
    }
  } else if (!isUuid(value)) {
    const got = value === "" ? "nothing" : JSON.stringify(value.slice(0, 80));
    violations.push({ field: "session_id", description: `expected a UUID, got ${got}` });
  }
  if (violations.length > 0) throw invalidFields(violations);
  return field === "agentId" ? { agentId: value } : { sessionId: value.toLowerCase() };
}

async function subjectFilter(
  { codecs }: EventsContext,
  run: Run,
  tenantId: string,
  { excludeAncestors }: GetStateAtRequest,
  subject: Subject,
  atPosition: bigint,
): Promise<Omit<ChangeFilter, "kinds">> {
  if ("agentId" in subject) return { sessionIds: [], agentIds: [subject.agentId] };
  const id = subject.sessionId;
  const [[found], ancestors] = await Promise.all([
    readRevisions(run, codecs.of(session), { tenantId, id, atPosition, limit: 1 }),
    excludeAncestors ? undefined : readAncestors(run, tenantId, [id]),
  ]);
  if (!found) throw notFound("session", id);
  return { sessionIds: [id], agentIds: [], ...(ancestors && { ancestors }) };
}
