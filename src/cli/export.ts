import { existsSync, readdirSync } from "node:fs";
import { encryptTo } from "../archive/encryption.js";
import { exportArchive } from "../archive/export-archive.js";
import { noteArchived } from "../archive/note-archived.js";
import { readConfig } from "../config.js";
import { isUuid } from "../core/uuid.js";
import { readVersion } from "../core/version.js";
import { createCodecs } from "../entities/codecs.js";
import { entities } from "../entities/registry.js";
import { encryptTo as encryptOption, json as jsonOption } from "./archive-options.js";
import { defineCommand } from "./command.js";
import { CommandError } from "./command-error.js";
import { formatSize } from "./format-size.js";
import { onlyTenant } from "./only-tenant.js";
import { operator } from "./operator.js";
import { progressLine } from "./progress-line.js";
import { settingOptions, settingTexts } from "./setting-options.js";
import { withDatabase } from "./with-database.js";

/** `holdfast export` */
export const exportCommand = defineCommand({
  usage: "FOLDER [options]",
  about: `As of one position: a file for each entity with what it holds now, one with every
past state, one with the commits and their hashes, and a manifest with the SHA-256
of each file. docs/EXPORT-FORMAT.md says what stands where. The whole tenant is the
log itself: taken in again where the tenant has none, it ends with the same hash.
A session or an agent is taken in as new changes, with the same content hashes.

Secret configuration values are in it as they are: encrypt it, or keep it as you
keep those. That it was made is noted in the tenant's log, after what it holds.

Works on DATABASE_URL if that is set, else on the embedded Postgres of the data
directory, whether or not a server runs there.`,
  options: {
    tenant: {
      type: "string",
      placeholder: "UUID",
      about: "whose log",
      source: "default the only one there is",
    },
    session: { type: "string", placeholder: "UUID", about: "only this session and what was made in it" },
    agent: {
      type: "string",
      placeholder: "NAME",
      about: "only what this agent made, and the sessions that was made in",
    },
    compress: { type: "boolean", about: "each file with gzip" },
    "encrypt-to": encryptOption,
    json: jsonOption,
    ...settingOptions(["databaseUrl", "dataDirectory", "logLevel"]),
  },
  maxWords: 1,
  async run({ options, words: [folder], env, stdout, stderr }) {
    const { tenant, session, agent, compress = false, "encrypt-to": recipients, json, ...rest } = options;
    if (folder === undefined) throw new CommandError("Expected: holdfast export FOLDER", 2);
    if (session !== undefined && agent !== undefined) {
      throw new CommandError("Expected --session or --agent, got both", 2);
    }
    for (const [name, id] of Object.entries({ tenant, session })) {
      if (id !== undefined && !isUuid(id)) throw new CommandError(`--${name}: expected a UUID`, 2);
    }
    if (existsSync(folder) && readdirSync(folder).length > 0) {
      throw new CommandError(`${folder} is not empty: name another folder`);
    }
    const encrypt = recipients ? await encryptTo(recipients) : undefined;
    const config = readConfig(env, {}, settingTexts(rest));
    return withDatabase(config, false, async (url, signal) => {
      const started = performance.now();
      const tenantId = tenant?.toLowerCase() ?? (await onlyTenant(config, url));
      const { manifest, lines, bytes } = await exportArchive({
        url,
        folder,
        scope: { tenantId, sessionId: session?.toLowerCase(), agentId: agent },
        codecs: createCodecs(entities),
        version: readVersion(),
        compress,
        encrypt,
        onProgress: json ? undefined : progressLine(stderr),
        signal,
      });
      const { log, files } = manifest;
      await noteArchived(url, config, {
        tenantId,
        actor: operator(),
        operation: "holdfast export",
        target: session ?? agent ?? tenantId,
        message: `exported up to position ${log.position}${encrypt ? ", encrypted" : ""}`,
        details: { position: log.position, lines },
      });
      const seconds = (performance.now() - started) / 1000;
      if (json) {
        stdout.write(`${JSON.stringify({ folder, lines, bytes, seconds, ...manifest })}\n`);
        return 0;
      }
      for (const file of files) {
        stdout.write(`${file.sha256}  ${file.name}  ${file.lines} lines\n`);
      }
      stdout.write(
        `${folder}: tenant ${tenantId} up to position ${log.position}, hash ${log.hash}\n` +
          `${lines} lines in ${files.length} files, ${formatSize(bytes)} in ${seconds.toFixed(1)} s` +
          `${encrypt ? ", encrypted" : ""}\n`,
      );
      return 0;
    });
  },
});
