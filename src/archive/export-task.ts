import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError, notFound } from "../core/errors.js";
import { createCodecs } from "../entities/codecs.js";
import { entities } from "../entities/registry.js";
import type { ArchiveScope } from "../store/archive/archive-scope.js";
import { fromDisk } from "../transfers/disk-error.js";
import { ArchiveError } from "./archive-error.js";
import { exportArchive } from "./export-archive.js";
import { EXPORT_MANIFEST, storedName } from "./export-manifest.js";

export interface WantedExport {
  readonly url: string;
  /** Where the files go. */
  readonly folder: string;
  readonly scope: ArchiveScope;
  /** The version of this program. */
  readonly version: string;
  readonly compress: boolean;
  readonly mayHoldSecrets: boolean;
}

export interface WrittenExport {
  /** Names of the files, the manifest last. */
  readonly names: readonly string[];
  /** Of the log, where the export ends. */
  readonly position: string;
  readonly lines: number;
}

/**
 * Runs in a process of its own: writes an export into a folder.
 *
 * @param tell is told of bytes as they are written
 * @throws NOT_FOUND where there is nothing; PERMISSION_DENIED for secrets; OVERLOADED when the disk is full
 */
export async function writeExport(
  wanted: WantedExport,
  tell: (bytes: number) => void,
): Promise<WrittenExport> {
  try {
    const { manifest, lines } = await exportArchive({
      ...wanted,
      codecs: createCodecs(entities),
      onStored: tell,
    });
    const names = manifest.files.map((file) => storedName(file.name, manifest));
    return { names: [...names, EXPORT_MANIFEST], position: manifest.log.position, lines };
  } catch (error) {
    throw refusalOf(error, wanted.scope) ?? fromDisk(error);
  }
}

function refusalOf(
  error: unknown,
  { tenantId, sessionId, agentId }: ArchiveScope,
): HoldfastError | undefined {
  if (!(error instanceof ArchiveError)) return undefined;
  if (error.reason === "secret") return new HoldfastError(ErrorReason.PERMISSION_DENIED, error.message);
  if (error.reason !== "nothing") return undefined;
  if (sessionId !== undefined) return notFound("session", sessionId);
  return notFound(agentId === undefined ? "log" : "agent", agentId ?? tenantId);
}
