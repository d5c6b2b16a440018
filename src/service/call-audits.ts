import type { Logger } from "pino";
import { SecurityLevel } from "../../gen/holdfast/v1/security_audit_pb.js";
import { HoldfastError } from "../core/errors.js";
import { jsonPayload } from "../core/json-payload.js";
import type { Principal } from "../core/principal.js";
import type { Appender } from "./appender.js";
import { type Denial, DeniedCalls, type DeniedCallsSettings } from "./denied-calls.js";
import type { EntryPreparer } from "./prepare-entry.js";

/** What Holdfast notes of calls by itself, as security audits in the log of the caller's tenant. */
export interface CallAudits {
  /** A call was refused. Returns at once; it is stored soon, together with others like it. */
  denied(denial: Denial): void;
  /** A call is let through that must not go unnoted. Resolves once that is durable; if it cannot be, rejects. */
  allowed(call: AllowedCall): Promise<void>;
  /** Stores what was not stored yet. */
  close(): Promise<void>;
}

export interface AllowedCall {
  readonly principal: Principal;
  /** The method's path. */
  readonly operation: string;
  readonly message: string;
  /** Ids of what was concerned. */
  readonly targets: readonly string[];
}

export interface CallAuditsContext {
  readonly appender: Appender;
  readonly preparer: EntryPreparer;
  readonly logger: Logger;
  readonly settings: DeniedCallsSettings;
}

export function createCallAudits({ appender, preparer, logger, settings }: CallAuditsContext): CallAudits {
  const append = async (tenantId: string, audit: Parameters<EntryPreparer["audit"]>[0]) => {
    const [outcome] = await appender.append(tenantId, [preparer.audit(audit)]);
    if (outcome instanceof HoldfastError) throw outcome;
  };
  const deniedCalls = new DeniedCalls({ append, logger, settings });
  return {
    denied: (denial) => deniedCalls.add(denial),
    allowed: ({ principal, operation, message, targets }) =>
      append(principal.tenantId, {
        operation,
        actor: principal.actor,
        valid: true,
        level: SecurityLevel.MEDIUM,
        message,
        ...(targets.length === 1 && targets[0] !== undefined && { target: targets[0] }),
        ...(targets.length > 1 && { metadata: jsonPayload({ targets }) }),
      }),
    close: () => deniedCalls.close(),
  };
}
