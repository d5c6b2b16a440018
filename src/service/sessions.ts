import { timestampNow } from "@bufbuild/protobuf/wkt";
import {
  type CloseSessionRequest,
  CloseSessionRequestSchema,
  type Session,
  SessionStatus,
} from "../../gen/holdfast/v1/session_pb.js";
import { type EntryPreparer, notFinal } from "./prepare-entry.js";
import type { Attribution } from "./prepared-entry.js";
import type { Records } from "./records.js";

/** Ends a session: from the position this is stored at, nothing more may be recorded in it. */
export async function closeSession(
  records: Records,
  preparer: EntryPreparer,
  tenantId: string,
  request: CloseSessionRequest,
  by: Attribution,
): Promise<Session> {
  const { codec } = records;
  const entry = preparer.patch({
    codec,
    id: request.id,
    requestId: request.requestId,
    schema: CloseSessionRequestSchema,
    request,
    fields: {
      status: request.status === 0 ? SessionStatus.COMPLETED : request.status,
      endTime: request.endTime ?? timestampNow(),
    },
    expectedRevision: request.expectedRevision,
    path: "",
    idField: "id",
    violations: notFinal(codec.entity, request.status, "status"),
  });
  return (await records.write(tenantId, entry, by)) as unknown as Session;
}
