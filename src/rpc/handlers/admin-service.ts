import { AdminService } from "../../../gen/holdfast/v1/admin_pb.js";
import { timestampFromMicros } from "../../core/time.js";
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
}: ServicesContext): RegisteredService {
  const { database, codecs } = events;
  return defineService(AdminService, {
    async getLogHead(_request, { principal }) {
      const { logId, position, hash, commitMicros } = await logHead(database, principal.tenantId);
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
  });
}
