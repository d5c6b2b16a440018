import { type Session, SessionStatus } from "../../../gen/holdfast/v1/session_pb.js";
import type { EntityCodec } from "../../entities/entity-codec.js";
import type { Run } from "../../store/database.js";
import { type ListCondition, listOrder, listRows } from "../../store/list-query.js";
import { readAncestors } from "../../store/read-ancestors.js";
import { readSessionActions, type SessionAction, type SessionPart } from "../../store/session-actions.js";
import { recordCursor } from "../record-cursor.js";
import type { SessionStep } from "./session-steps.js";

/** Sessions whose actions are asked for at once. */
const SESSION_PAGE = 50;
/** Bytes of sessions read at once. */
const SESSION_PAGE_BYTES = 4 * 1024 * 1024;
/** Actions of one session held at once; together with the page of sessions a few megabytes. */
const ACTION_PAGE = 500;

/**
 * The actions of the sessions that match, session after session, in pages: what
 * is held at once does not grow with how many there are. What a fork shares with
 * the sessions it comes from led to its end as well, so it comes before its own
 * actions, in every fork.
 *
 * @param signal ends it between two pages by throwing its reason.
 */
export async function* finishedSteps(
  run: Run,
  tenantId: string,
  sessionCodec: EntityCodec,
  conditions: readonly ListCondition[],
  signal: AbortSignal,
): AsyncGenerator<readonly SessionStep[], void> {
  const columns = listOrder(sessionCodec);
  let after: readonly string[] | undefined;
  for (;;) {
    signal.throwIfAborted();
    const range = { tenantId, conditions, order: "oldest first", after, limit: SESSION_PAGE } as const;
    const page = await listRows(run, sessionCodec, { ...range, maxBytes: SESSION_PAGE_BYTES });
    const sessions = page.records;
    const read = (part: SessionPart, from: bigint) =>
      readSessionActions(run, tenantId, part, from, ACTION_PAGE);
    const parts = await Promise.all(
      sessions.map((record) => partsOf(run, tenantId, record as unknown as Session)),
    );
    const firstPages = await Promise.all(parts.map(([first]) => (first ? read(first, 0n) : [])));
    for (const [i, record] of sessions.entries()) {
      const session = record as unknown as Session;
      for (const [n, part] of (parts[i] ?? []).entries()) {
        let actions = (n === 0 && firstPages[i]) || (await read(part, 0n));
        while (actions.length > 0) {
          yield actions.map((action) => ({
            session: session.id,
            success: sessionSuccess(session),
            action: actionLabel(action),
          }));
          if (actions.length < ACTION_PAGE) break;
          signal.throwIfAborted();
          actions = await read(part, actions.at(-1)?.position ?? 0n);
        }
      }
    }
    const last = sessions.at(-1);
    if (!last || !page.hasMore) return;
    after = recordCursor(columns, last);
  }
}

/** The session's whole run in order: of those it was forked from what came before the fork, then its own. */
async function partsOf(run: Run, tenantId: string, session: Session): Promise<readonly SessionPart[]> {
  const own = { id: session.id, upTo: undefined };
  if (session.forkPosition === 0n) return [own];
  const ancestors = await readAncestors(run, tenantId, [session.id]);
  const shared = [...ancestors].map(([id, upTo]) => ({ id, upTo }));
  return [...shared.sort((a, b) => (a.upTo < b.upTo ? -1 : 1)), own];
}

function sessionSuccess({ successRate, status }: Session): number {
  return successRate ?? (status === SessionStatus.COMPLETED ? 1 : 0);
}

function actionLabel({ tool, name, type }: SessionAction): string {
  const label = name || type;
  return tool === "" ? label : `${tool}:${label}`;
}
