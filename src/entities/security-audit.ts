import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import { SecurityAuditSchema, SecurityAuditService } from "../../gen/holdfast/v1/security_audit_pb.js";
import type { EntityDeclaration } from "./declaration.js";

export const securityAudit: EntityDeclaration<typeof SecurityAuditSchema> = {
  name: "security_audit",
  table: "security_audits",
  kind: EntityKind.SECURITY_AUDIT,
  nature: "append",
  message: SecurityAuditSchema,
  service: SecurityAuditService,
  outputOnly: ["by_holdfast"],
  required: ["operation"],
  maxLengths: { operation: 200, actor: 200 },
};
