import { SecurityAuditService } from "../../../gen/holdfast/v1/security_audit_pb.js";
import { entityClient } from "./entity/entity-client.js";
import type { SelectionOf } from "./entity/entity-types.js";

/** Which audits. */
export type SecurityAuditSelection = SelectionOf<typeof SecurityAuditService>;

/** The security audits of a tenant, Holdfast's own among them. Every method throws HoldfastError. */
export class SecurityAudits extends entityClient(SecurityAuditService) {}
