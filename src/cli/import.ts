import { decryptWith } from "../archive/encryption.js";
import { importArchive } from "../archive/import-archive.js";
import { readConfig } from "../config.js";
import { isUuid } from "../core/uuid.js";
import { createCodecs } from "../entities/codecs.js";
import { entities } from "../entities/registry.js";
import { identity as identityOption, json as jsonOption } from "./archive-options.js";
import { defineCommand } from "./command.js";
import { CommandError } from "./command-error.js";
import { operator } from "./operator.js";
import { printable } from "./printable.js";
import { progressLine } from "./progress-line.js";
import { settingOptions, settingTexts } from "./setting-options.js";
import { withDatabase } from "./with-database.js";

/** Refusals shown one by one. */
const MAX_SHOWN = 20;

/** `holdfast import` */
export const importCommand = defineCommand({
  name: "import",
  usage: "FOLDER [options]",
  summary: "Take in what holdfast export wrote",
  about: `A whole tenant is written where that tenant has no log yet, as the log it was: the
same positions, times, revisions and final hash; one transaction that commits
after it was verified. A session or an agent goes to the end of the tenant's log
as new changes, checked as any client's are, with the same ids and content
hashes. Either twice adds nothing. A file that was altered or cut short is named
with its line, and nothing of it is taken in.

Works on DATABASE_URL if that is set, else on the embedded Postgres of the data
directory, whether or not a server runs there.`,
  options: {
    tenant: {
      type: "string",
      placeholder: "UUID",
      about: "into whose log",
      source: "default the one it comes from",
    },
    identity: identityOption,
    json: jsonOption,
    ...settingOptions(["databaseUrl", "dataDirectory", "logLevel"]),
  },
  maxWords: 1,
  async run({ options: { tenant, identity = [], json, ...rest }, words: [folder], env }) {
    if (folder === undefined) throw new CommandError("Expected: holdfast import FOLDER", 2);
    if (tenant !== undefined && !isUuid(tenant)) throw new CommandError("--tenant: expected a UUID", 2);
    const config = readConfig(env, {}, settingTexts(rest));
    const decrypt = await decryptWith(identity);
    return withDatabase(config, true, async (url, signal) => {
      const started = performance.now();
      const { manifest, report } = await importArchive({
        url,
        folder,
        decrypt,
        tenantId: tenant?.toLowerCase(),
        actor: operator(),
        codecs: createCodecs(entities),
        settings: config,
        onProgress: json ? undefined : progressLine(),
        signal,
      });
      const seconds = (performance.now() - started) / 1000;
      const { tenantId, added, alreadyThere, leftOut, refusals, position, hash } = report;
      const exitCode = refusals.length === 0 ? 0 : 1;
      if (json) {
        const counts = { added, already_there: alreadyThere, left_out: leftOut, refused: refusals.length };
        process.stdout.write(
          `${JSON.stringify({ folder, tenant_id: tenantId, ...counts, position: String(position), hash, seconds, refusals, from: manifest.log })}\n`,
        );
        return exitCode;
      }
      for (const { where, reason } of refusals.slice(0, MAX_SHOWN)) {
        process.stdout.write(`refused: ${where}: ${printable(reason)}\n`);
      }
      process.stdout.write(
        `tenant ${tenantId}: ${added} changes added, ${alreadyThere} were there, ${refusals.length} refused` +
          `${leftOut > 0 ? `, ${leftOut} withdrawn ones left out` : ""}, ` +
          `in ${seconds.toFixed(1)} s; last position ${position}${hash === undefined ? "" : `, hash ${hash}, verified`}\n`,
      );
      return exitCode;
    });
  },
});
