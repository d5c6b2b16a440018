import type { Logger } from "pino";
import type { Authenticator } from "./authenticate.js";
import type { RpcMetrics } from "./rpc-metrics.js";
import type { RpcSettings } from "./rpc-settings.js";

/** What all calls of one server share. */
export interface ServerEnvironment {
  readonly authenticate: Authenticator;
  readonly logger: Logger;
  readonly metrics: RpcMetrics;
  readonly settings: RpcSettings;
  /** Aborts when the server begins to stop. */
  readonly draining: AbortSignal;
}
