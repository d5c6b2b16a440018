import { type Session, SessionService } from "../../../gen/holdfast/v1/session_pb.js";
import type { FieldBag } from "../../entities/field-codec.js";
import { forkSession } from "../../service/fork-session.js";
import type { Records } from "../../service/records.js";
import { closeSession } from "../../service/sessions.js";
import { defineService, type RegisteredService } from "../service.js";
import type { ServicesContext } from "./services.js";
import { standardHandlers } from "./standard-handlers.js";

/** Sessions are opened, forked and closed; the rest is as with every entity. */
export function sessionService(sessions: Records, { append, records }: ServicesContext): RegisteredService {
  return defineService(SessionService, {
    ...standardHandlers<typeof SessionService, "Session", "Sessions">(SessionService, sessions, append),
    openSession: async ({ session }, { principal }) => ({
      session: (await sessions.create(
        principal.tenantId,
        session as unknown as FieldBag | undefined,
        principal,
      )) as unknown as Session,
    }),
    forkSession: async (request, { principal }) => ({
      session: await forkSession(records, sessions, principal.tenantId, request, principal),
    }),
    closeSession: async (request, { principal }) => ({
      session: await closeSession(sessions, append.preparer, principal.tenantId, request, principal),
    }),
  });
}
