import { SecurityLevel } from "../../gen/holdfast/v1/security_audit_pb.js";
import { HoldfastError } from "../core/errors.js";
import { jsonPayload } from "../core/json-payload.js";
import { createEntryPreparer } from "../service/prepare-entry.js";
import { withAppender } from "../service/with-appender.js";
import { ARCHIVE_WRITER, type ArchiveSettings } from "./archive-writer.js";

/** What an operator did with logs as a whole. */
export interface ArchiveNote {
  /** In whose log it is noted. */
  readonly tenantId: string;
  /** Who did it. */
  readonly actor: string;
  /** "holdfast export" */
  readonly operation: string;
  readonly target?: string;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number>>;
}

/** Leaves a security audit of it, and resolves once that is durable. */
export async function noteArchived(
  url: string,
  settings: ArchiveSettings,
  { tenantId, details, ...note }: ArchiveNote,
): Promise<void> {
  await withAppender(url, settings, ARCHIVE_WRITER, async (appender, _, codecs) => {
    const audit = createEntryPreparer(codecs, settings).audit({
      ...note,
      valid: true,
      level: SecurityLevel.MEDIUM,
      metadata: jsonPayload(details),
    });
    const [outcome] = await appender.append(tenantId, [audit]);
    if (outcome instanceof HoldfastError) throw outcome;
  });
}
