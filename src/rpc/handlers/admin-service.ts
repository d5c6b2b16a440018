import { AdminService } from "../../../gen/holdfast/v1/admin_pb.js";
import { timestampFromMicros } from "../../core/time.js";
import { logHead } from "../../service/events.js";
import type { Database } from "../../store/database.js";
import { defineService, type RegisteredService } from "../service.js";

export function adminService(database: Database): RegisteredService {
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
  });
}
