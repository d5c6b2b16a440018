import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { SecurityLevel } from "../../gen/holdfast/v1/security_audit_pb.js";
import { HoldfastError, notFound } from "../core/errors.js";
import { jsonPayload } from "../core/json-payload.js";
import type { Principal } from "../core/principal.js";
import type { Codecs } from "../entities/codecs.js";
import type { Appender } from "../service/appender.js";
import type { EntryPreparer } from "../service/prepare-entry.js";
import { ArchiveError } from "./archive-error.js";
import { type ExportReport, exportArchive } from "./export-archive.js";
import { EXPORT_MANIFEST, storedName } from "./export-manifest.js";

/** Bytes of a file in one message: few messages, none near the limit of one. */
const PART_BYTES = 256 * 1024;

export interface SentExportsContext {
  readonly url: string;
  /** Where archives lie while they are sent. */
  readonly directory: string;
  readonly codecs: Codecs;
  readonly appender: Appender;
  readonly preparer: EntryPreparer;
  /** The version of this program. */
  readonly version: string;
}

interface Wanted {
  readonly sessionId: string | undefined;
  readonly agentId: string | undefined;
  readonly compress: boolean;
}

/**
 * Archives of logs for whoever may fetch them. Each is written to disk first: a
 * slow reader then holds no snapshot of the database open.
 */
export function sentExports({ directory, ...context }: SentExportsContext) {
  return async function* (principal: Principal, wanted: Wanted, signal: AbortSignal) {
    const parent = resolve(directory);
    await mkdir(parent, { recursive: true, mode: 0o700 });
    const folder = await mkdtemp(join(parent, "sending-"));
    try {
      const report = await write(context, principal, wanted, folder, signal);
      // Nothing leaves before it is noted that it does.
      await audit(context, principal, wanted, report);
      const { manifest } = report;
      const names = manifest.files.map((file) => storedName(file.name, manifest));
      for (const name of [...names, EXPORT_MANIFEST]) {
        for await (const data of createReadStream(join(folder, name), { highWaterMark: PART_BYTES })) {
          signal.throwIfAborted();
          yield { name, data: data as Buffer };
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

async function write(
  { url, codecs, version }: Omit<SentExportsContext, "directory">,
  { tenantId, roles }: Principal,
  { sessionId, agentId, compress }: Wanted,
  folder: string,
  signal: AbortSignal,
): Promise<ExportReport> {
  const scope = { tenantId, sessionId, agentId };
  const mayHoldSecrets = roles.includes("secret_reader");
  try {
    return await exportArchive({ url, folder, scope, codecs, version, compress, mayHoldSecrets, signal });
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    if (error.reason === "secret") throw new HoldfastError(ErrorReason.PERMISSION_DENIED, error.message);
    if (error.reason !== "nothing") throw error;
    if (sessionId !== undefined) throw notFound("session", sessionId);
    throw notFound(agentId === undefined ? "log" : "agent", agentId ?? tenantId);
  }
}

async function audit(
  { appender, preparer }: Omit<SentExportsContext, "directory">,
  { tenantId, actor }: Principal,
  { sessionId, agentId }: Wanted,
  { manifest: { log }, lines }: ExportReport,
): Promise<void> {
  const entry = preparer.audit({
    operation: "export",
    actor,
    target: sessionId ?? agentId ?? tenantId,
    valid: true,
    level: SecurityLevel.MEDIUM,
    message: `exported up to position ${log.position}`,
    metadata: jsonPayload({ position: log.position, lines }),
  });
  const [outcome] = await appender.append(tenantId, [entry]);
  if (outcome instanceof HoldfastError) throw outcome;
}
