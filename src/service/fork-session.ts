import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { type ForkSessionRequest, type Session, SessionSchema } from "../../gen/holdfast/v1/session_pb.js";
import { HoldfastError, invalidFields, limitExceeded, notFound } from "../core/errors.js";
import { isUuid } from "../core/uuid.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { recordFromState } from "../entities/stored-record.js";
import type { Run } from "../store/database.js";
import { type RequestAnswer, revisionsByRequest } from "../store/flush-reads.js";
import { readLogHead, requirePosition } from "../store/log-head.js";
import { MAX_FORK_DEPTH, readAncestors } from "../store/read-ancestors.js";
import { readRevisions } from "../store/read-revisions.js";
import type { Attribution, CreateEntry } from "./prepared-entry.js";
import type { Records, RecordsContext } from "./records.js";

/**
 * Opens a session that starts from another's state as of a position. Only what
 * lies in the past is read, which nothing changes any more, so no lock is held
 * between reading and writing.
 *
 * @throws NOT_FOUND, POSITION_IN_FUTURE, SESSION_CLOSED for one that was deleted
 * by then, LIMIT_EXCEEDED for a fork of too many forks, and what opening a session throws
 */
export async function forkSession(
  { database, preparer }: RecordsContext,
  sessions: Records,
  tenantId: string,
  request: ForkSessionRequest,
  by: Attribution,
): Promise<Session> {
  const { codec } = sessions;
  const parentId = checkedParent(request);
  // Prepared as asked for, so that what is wrong is named and a retry recognised by what the caller sent.
  const asked = create(SessionSchema, request.session);
  asked.parentSessionId = parentId;
  const entry = forkEntry(
    preparer.create(codec, asked as unknown as FieldBag, "session."),
    request.atPosition,
  );
  const found = await database.read(tenantId, async (run) => {
    const earlier = await findEarlier(run, codec, tenantId, entry);
    return earlier ? { earlier } : readParent(run, codec, tenantId, parentId, request.atPosition);
  });
  if ("earlier" in found) {
    await sessions.confirm(tenantId);
    return found.earlier as unknown as Session;
  }
  const message = inherit(asked, found.parent) as unknown as FieldBag;
  const settled = { forkPosition: found.position };
  return (await sessions.write(tenantId, { ...entry, message, settled }, by)) as unknown as Session;
}

function checkedParent({ sessionId, atPosition, session }: ForkSessionRequest): string {
  const violations = [];
  if (!isUuid(sessionId)) {
    const got = sessionId === "" ? "nothing" : JSON.stringify(sessionId.slice(0, 80));
    violations.push({ field: "session_id", description: `expected a UUID, got ${got}` });
  }
  if (atPosition < 0n) {
    violations.push({ field: "at_position", description: `expected 0 or a position, got ${atPosition}` });
  }
  const parentId = sessionId.toLowerCase();
  const given = session?.parentSessionId ?? "";
  if (given !== "" && given.toLowerCase() !== parentId) {
    const description = "expected the session_id of the request, or nothing, got another";
    violations.push({ field: "session.parent_session_id", description });
  }
  if (violations.length > 0) throw invalidFields(violations);
  return parentId;
}

/** The entry with a hash that an opened session of the same content does not have. */
function forkEntry(entry: CreateEntry, atPosition: bigint): CreateEntry {
  const hash = createHash("sha256").update(`fork ${atPosition} `).update(entry.requestHash);
  return { ...entry, requestHash: hash.digest() };
}

/** The fork that the same request made before: "now" is another position by the time of a retry. */
async function findEarlier(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  { id, idIsOurs, requestHash }: CreateEntry,
): Promise<FieldBag | undefined> {
  if (idIsOurs) return undefined;
  const asked = [{ requestId: id, withState: true }];
  const [earlier] = await run<RequestAnswer>(revisionsByRequest(codec, tenantId, asked, 1));
  if (!earlier) return undefined;
  const [, hash, , , state] = earlier;
  // Other content under this id: writing it will be refused, as it is everywhere.
  return hash.equals(requestHash) && state !== null ? recordFromState(codec, state) : undefined;
}

async function readParent(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  id: string,
  atPosition: bigint,
): Promise<{ readonly parent: Session; readonly position: bigint }> {
  const [head, ancestors] = await Promise.all([
    readLogHead(run, tenantId),
    readAncestors(run, tenantId, [id]),
  ]);
  requirePosition(head, atPosition);
  const position = atPosition === 0n ? head.position : atPosition;
  const range = { tenantId, id, atPosition: position, limit: 1 };
  const parent = (await readRevisions(run, codec, range))[0]?.record as unknown as Session | undefined;
  if (!parent) throw notFound("session", id);
  if (parent.deleteTime) {
    throw new HoldfastError(ErrorReason.SESSION_CLOSED, `session ${id} was deleted by position ${position}`, {
      metadata: { id, status: "DELETED" },
    });
  }
  const depth = ancestors.size + 1;
  if (depth > MAX_FORK_DEPTH) throw limitExceeded("session_id", "forks of forks", MAX_FORK_DEPTH, depth);
  return { parent, position };
}

/** What the caller did not give is the parent's. */
function inherit(asked: Session, parent: Session): Session {
  const { successRate = parent.successRate, metadata = parent.metadata } = asked;
  return Object.assign(create(SessionSchema), asked, {
    agentId: asked.agentId || parent.agentId,
    labels: Object.keys(asked.labels).length > 0 ? asked.labels : parent.labels,
    type: asked.type || parent.type,
    goalsTotal: asked.goalsTotal || parent.goalsTotal,
    goalsCompleted: asked.goalsCompleted || parent.goalsCompleted,
    ...(successRate !== undefined && { successRate }),
    ...(metadata && { metadata }),
  });
}
