import { backUp } from "../archive/backup.js";
import { encryptTo } from "../archive/encryption.js";
import { noteArchived } from "../archive/note-archived.js";
import { readConfig } from "../config.js";
import { SYSTEM_TENANT_ID } from "../core/principal.js";
import { readVersion } from "../core/version.js";
import { encryptTo as encryptOption, json as jsonOption } from "./archive-options.js";
import { defineCommand } from "./command.js";
import { CommandError } from "./command-error.js";
import { formatSize } from "./format-size.js";
import { operator } from "./operator.js";
import { progressLine } from "./progress-line.js";
import { refuseExisting } from "./refuse-existing.js";
import { settingOptions, settingTexts } from "./setting-options.js";
import { withDatabase } from "./with-database.js";

/** `holdfast backup` */
export const backup = defineCommand({
  usage: "FILE [options]",
  about: `Every tenant with all of its past, consistently, while servers write: each log
up to one position, which the backup names. FILE is a compressed tar file of the
tables' rows as COPY writes them, with a manifest and SHA256SUMS, encrypted if a
recipient is given; it appears under its name once it is whole. It holds
secret configuration values too: keep it, or its identity, as you keep those.
Nothing but this program is needed, no pg_dump. holdfast restore takes it back.

That a backup was made is noted afterwards as a security audit in the log of the
tenant ${SYSTEM_TENANT_ID}.

Works on DATABASE_URL if that is set, else on the embedded Postgres of the data
directory, whether or not a server runs there.`,
  options: {
    "encrypt-to": encryptOption,
    json: jsonOption,
    ...settingOptions(["databaseUrl", "dataDirectory", "logLevel"]),
  },
  maxWords: 1,
  async run({ options: { "encrypt-to": recipients, json, ...rest }, words: [file], env, stdout, stderr }) {
    if (file === undefined) throw new CommandError("Expected: holdfast backup FILE", 2);
    const config = readConfig(env, {}, settingTexts(rest));
    const encrypt = recipients ? await encryptTo(recipients) : undefined;
    refuseExisting(file);
    return withDatabase(config, false, async (url, signal) => {
      const started = performance.now();
      const onProgress = json ? undefined : progressLine(stderr);
      const report = await backUp({ url, file, version: readVersion(), encrypt, onProgress, signal });
      const { manifest, rows, bytes } = report;
      await noteArchived(url, config, {
        tenantId: SYSTEM_TENANT_ID,
        actor: operator(),
        operation: "holdfast backup",
        message: `the whole database was written into a backup${encrypt ? ", encrypted" : ""}`,
        details: { created: manifest.created, tenants: manifest.tenants.length, rows },
      });
      const seconds = (performance.now() - started) / 1000;
      if (json) {
        const { tenants, migrations, created } = manifest;
        stdout.write(
          `${JSON.stringify({ file, created, rows, bytes, seconds, encrypted: encrypt !== undefined, migrations, tenants })}\n`,
        );
        return 0;
      }
      for (const { tenant_id, position, hash } of manifest.tenants) {
        stdout.write(`tenant ${tenant_id}  last position ${position}  hash ${hash}\n`);
      }
      stdout.write(
        `${file}: ${rows} rows of ${manifest.tables.length} tables, ${manifest.tenants.length} tenants, ` +
          `${formatSize(bytes)} in ${seconds.toFixed(1)} s${encrypt ? ", encrypted" : ""}\n`,
      );
      return 0;
    });
  },
});
