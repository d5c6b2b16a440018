import { decryptWith } from "../archive/encryption.js";
import { restore as restoreBackup } from "../archive/restore.js";
import { readConfig } from "../config.js";
import { createCodecs } from "../entities/codecs.js";
import { entities } from "../entities/registry.js";
import { identity as identityOption, json as jsonOption } from "./archive-options.js";
import { defineCommand } from "./command.js";
import { CommandError } from "./command-error.js";
import { progressLine } from "./progress-line.js";
import { settingOptions, settingTexts } from "./setting-options.js";
import { withDatabase } from "./with-database.js";

/** `holdfast restore` */
export const restore = defineCommand({
  usage: "FILE [options]",
  about: `Loads every row in one transaction, brings an older backup to this version's
schema, recomputes every hash and the state as holdfast verify does, and only
then commits: interrupted or refused, the database is as it was before. A target
that holds anything is refused. Each log ends at the position and with the hash
that the backup names, so nothing is added to any: that a restore was made is for
the operator to note.

Works on DATABASE_URL if that is set, whose user must own the schema and be
allowed to create roles; else on the embedded Postgres of the data directory,
which is made if there is none.`,
  options: {
    identity: identityOption,
    json: jsonOption,
    ...settingOptions(["databaseUrl", "dataDirectory", "logLevel"]),
  },
  maxWords: 1,
  async run({ options: { identity = [], json, ...rest }, words: [file], env, stdout, stderr }) {
    if (file === undefined) throw new CommandError("Expected: holdfast restore FILE", 2);
    const config = readConfig(env, {}, settingTexts(rest));
    const decrypt = await decryptWith(identity);
    return withDatabase(config, true, async (url, signal) => {
      const started = performance.now();
      const onProgress = json ? undefined : progressLine(stderr);
      const codecs = createCodecs(entities);
      const { manifest, rows, migrated } = await restoreBackup({
        url,
        file,
        decrypt,
        codecs,
        onProgress,
        signal,
      });
      const seconds = (performance.now() - started) / 1000;
      const { tenants, created } = manifest;
      if (json) {
        stdout.write(
          `${JSON.stringify({ file, created, rows, seconds, verified: true, migrated, tenants })}\n`,
        );
        return 0;
      }
      for (const { tenant_id, position, hash } of tenants) {
        stdout.write(`tenant ${tenant_id}  intact  last position ${position}  hash ${hash}\n`);
      }
      for (const name of migrated) stdout.write(`applied ${name}\n`);
      stdout.write(
        `Restored and verified ${rows} rows of ${tenants.length} tenants in ${seconds.toFixed(1)} s, ` +
          `as of ${created}.\n`,
      );
      return 0;
    });
  },
});
