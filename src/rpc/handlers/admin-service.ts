import { AdminService, type ExportRequest } from "../../../gen/holdfast/v1/admin_pb.js";
import { reserveRoom } from "../../core/answer-room.js";
import { invalidFields } from "../../core/errors.js";
import { timestampFromMicros } from "../../core/time.js";
import { isUuid } from "../../core/uuid.js";
import { logHead } from "../../service/events.js";
import { stateAt } from "../../service/state-at.js";
import { statistics } from "../../service/statistics.js";
import { storageInfo } from "../../service/storage-info.js";
import { defineService, type RegisteredService } from "../service.js";
import { receiveImport } from "./receive-import.js";
import type { ServicesContext } from "./services.js";

export function adminService({
  events,
  storage,
  appendLatency,
  importFiles,
  exportFiles,
}: ServicesContext): RegisteredService {
  const { database, codecs } = events;
  return defineService(AdminService, {
    async getLogHead({ atPosition }, call) {
      const head = await logHead(events, call.principal.tenantId, atPosition, call);
      const { logId, position, hash, commitMicros } = head;
      return {
        logId,
        position,
        hash,
        ...(commitMicros !== undefined && { commitTime: timestampFromMicros(commitMicros) }),
      };
    },
    getStateAt: (request, call) => stateAt(events, call.principal.tenantId, request, call),
    getStatistics: (_request, call) =>
      statistics(
        { database, codecs, appendLatency },
        call.principal.tenantId,
        { ofAllTenants: call.principal.roles.includes("admin") },
        call,
      ),
    getStorageInfo: () => storageInfo(storage),
    import: (requests, context) => receiveImport(importFiles, requests, context),
    async *export({ subject, compress }, call) {
      const { principal, room, signal } = call;
      for await (const part of exportFiles(principal, { ...exported(subject), compress }, call)) {
        await reserveRoom(room, part.data.byteLength, signal);
        yield part;
      }
    },
  });
}

function exported(subject: ExportRequest["subject"]) {
  if (subject.case === "sessionId" && !isUuid(subject.value)) {
    throw invalidFields([{ field: "session_id", description: "expected a UUID, got something else" }]);
  }
  if (subject.case === "agentId" && subject.value === "") {
    throw invalidFields([{ field: "agent_id", description: "expected the name of an agent, got nothing" }]);
  }
  return {
    sessionId: subject.case === "sessionId" ? subject.value.toLowerCase() : undefined,
    agentId: subject.case === "agentId" ? subject.value : undefined,
  };
}
