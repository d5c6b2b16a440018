import type { Principal } from "../../core/principal.js";
import type { CallContext } from "../call-context.js";

/** What of a tenant's log is exported, and how. */
export interface ExportFilesOptions {
  readonly sessionId: string | undefined;
  readonly agentId: string | undefined;
  readonly compress: boolean;
}

/**
 * The files of an archive in parts, the manifest last, read no faster than they are taken. A caller that takes them too
 * slowly is aborted with LIMIT_EXCEEDED.
 *
 * @throws OVERLOADED; LIMIT_EXCEEDED for bytes on disk; NOT_FOUND where there is nothing; PERMISSION_DENIED where it holds secrets that the caller may not read
 */
export type ExportFiles = (
  principal: Principal,
  options: ExportFilesOptions,
  call: Pick<CallContext, "signal" | "abort">,
) => AsyncGenerator<{ readonly name: string; readonly data: Uint8Array }, void>;
