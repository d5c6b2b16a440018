import { decryptWith } from "../archive/encryption.js";
import { importArchive } from "../archive/import-archive.js";
import type { Config } from "../config.js";
import { createCodecs } from "../entities/codecs.js";
import { entities } from "../entities/registry.js";
import { operator } from "./operator.js";
import type { Output } from "./output.js";
import { printable } from "./printable.js";
import { progressLine } from "./progress-line.js";
import { withDatabase } from "./with-database.js";

/** Refusals shown one by one. */
const MAX_SHOWN = 20;

export interface ImportExportOptions {
  readonly folder: string;
  /** Into whose log; that of the tenant it comes from without. */
  readonly tenantId: string | undefined;
  /** Files of age identities. */
  readonly identities: readonly string[];
  /** Whether to tell the outcome as one JSON object. */
  readonly json: boolean;
}

/** `holdfast import` of a folder that `holdfast export` wrote. Gives the exit code. */
export async function importExport(
  config: Config,
  { folder, tenantId, identities, json }: ImportExportOptions,
  { stdout, stderr }: Output,
): Promise<number> {
  const decrypt = await decryptWith(identities);
  return withDatabase(config, true, async (url, signal) => {
    const started = performance.now();
    const { manifest, report } = await importArchive({
      url,
      folder,
      decrypt,
      tenantId,
      actor: operator(),
      codecs: createCodecs(entities),
      settings: config,
      onProgress: json ? undefined : progressLine(stderr),
      signal,
    });
    const seconds = (performance.now() - started) / 1000;
    const { added, alreadyThere, leftOut, refusals, position, hash } = report;
    const exitCode = refusals.length === 0 ? 0 : 1;
    if (json) {
      const counts = { added, already_there: alreadyThere, left_out: leftOut, refused: refusals.length };
      stdout.write(
        `${JSON.stringify({ folder, tenant_id: report.tenantId, ...counts, position: String(position), hash, seconds, refusals, from: manifest.log })}\n`,
      );
      return exitCode;
    }
    for (const { where, reason } of refusals.slice(0, MAX_SHOWN)) {
      stdout.write(`refused: ${where}: ${printable(reason)}\n`);
    }
    stdout.write(
      `tenant ${report.tenantId}: ${added} changes added, ${alreadyThere} were there, ${refusals.length} refused` +
        `${leftOut > 0 ? `, ${leftOut} withdrawn ones left out` : ""}, ` +
        `in ${seconds.toFixed(1)} s; last position ${position}${hash === undefined ? "" : `, hash ${hash}, verified`}\n`,
    );
    return exitCode;
  });
}
