import type { Codecs } from "../entities/codecs.js";
import type { OwnerSession } from "../store/owner-session.js";
import { verifyTenants } from "../store/verify.js";
import { ArchiveError } from "./archive-error.js";
import type { ArchivedEnd } from "./archived-end.js";

/**
 * Verifies, within the session's transaction, that every one of these logs is
 * sound and ends where it did, and that there is no other.
 *
 * @param tenantId the only tenant to look at; every one when absent
 * @throws ArchiveError damaged, naming the first difference
 */
export async function verifyEnds(
  { database }: OwnerSession,
  codecs: Codecs,
  ends: readonly ArchivedEnd[],
  tenantId?: string,
): Promise<void> {
  const expected = new Map(ends.map((end) => [end.tenant_id, end]));
  for await (const report of verifyTenants({
    database,
    codecs,
    ...(tenantId !== undefined && { tenantId }),
  })) {
    const what = `tenant ${report.tenantId}`;
    if (report.difference !== undefined) throw new ArchiveError("damaged", `${what}: ${report.difference}`);
    const end = expected.get(report.tenantId);
    if (!end) throw new ArchiveError("damaged", `${what} has a log that the manifest does not name`);
    expected.delete(report.tenantId);
    const hash = Buffer.from(report.hash).toString("hex");
    if (String(report.position) === end.position && hash === end.hash) continue;
    throw new ArchiveError(
      "damaged",
      `${what}: expected its log to end at position ${end.position} with hash ${end.hash}, got ${report.position} and ${hash}`,
    );
  }
  const [missing] = expected.keys();
  if (missing !== undefined) throw new ArchiveError("damaged", `tenant ${missing}: its log is missing`);
}
