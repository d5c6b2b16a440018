import { SessionService } from "../../../gen/holdfast/v1/session_pb.js";
import type { Sessions } from "../../service/sessions.js";
import { defineService, type RegisteredService } from "../service.js";

export function sessionService(sessions: Sessions): RegisteredService {
  return defineService(SessionService, {
    openSession: async ({ session }, { principal }) => ({
      session: await sessions.open(principal.tenantId, session),
    }),
    getSession: async (request, { principal }) => ({
      session: await sessions.get(principal.tenantId, request),
    }),
    listSessions: (request, { principal }) => sessions.list(principal.tenantId, request),
    updateSession: async (request, { principal }) => ({
      session: await sessions.update(principal.tenantId, request),
    }),
    closeSession: async (request, { principal }) => ({
      session: await sessions.close(principal.tenantId, request),
    }),
    deleteSession: async (request, { principal }) => ({
      session: await sessions.delete(principal.tenantId, request),
    }),
  });
}
