import type { Logger } from "pino";
import type { FairTurns } from "../core/fair-turns.js";
import type { TenantTurns } from "../core/tenant-turns.js";
import type { CallAudits } from "../service/call-audits.js";
import type { Authenticator } from "./authenticate.js";
import type { RpcMetrics } from "./rpc-metrics.js";
import type { RpcSettings } from "./rpc-settings.js";
import type { SecretGuard } from "./secret-guard.js";
import type { UnreadCalls } from "./unread-calls.js";

/** What all calls of one server share. */
export interface ServerEnvironment {
  readonly authenticate: Authenticator;
  /** Where denied and administrative calls are noted; nowhere without it. */
  readonly audits?: CallAudits | undefined;
  /** Every answer passes it; without it services must hold no secrets. */
  readonly secrets?: SecretGuard | undefined;
  /** Which heavy calls are worked on, and which wait. */
  readonly heavyCalls: TenantTurns;
  /** When which tenant's messages are worked on. */
  readonly turns: FairTurns;
  /** The calls whose answers are not read. */
  readonly unread: UnreadCalls;
  readonly logger: Logger;
  readonly metrics: RpcMetrics;
  readonly settings: RpcSettings;
}
