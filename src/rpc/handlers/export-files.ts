import type { Principal } from "../../core/principal.js";

/** What of a tenant's log is exported, and how. */
export interface ExportFilesOptions {
  readonly sessionId: string | undefined;
  readonly agentId: string | undefined;
  readonly compress: boolean;
}

/**
 * The files of an archive in parts, the manifest last, read no faster than they are taken.
 *
 * @throws NOT_FOUND where there is nothing; PERMISSION_DENIED where it holds secrets that the caller may not read
 */
export type ExportFiles = (
  principal: Principal,
  options: ExportFilesOptions,
  signal: AbortSignal,
) => AsyncGenerator<{ readonly name: string; readonly data: Uint8Array }, void>;
