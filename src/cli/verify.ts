import { readConfig } from "../config.js";
import { isUuid } from "../core/uuid.js";
import { createCodecs } from "../entities/codecs.js";
import { entities } from "../entities/registry.js";
import { openDatabase } from "../store/database.js";
import { type TenantReport, verifyTenants } from "../store/verify.js";
import { defineCommand } from "./command.js";
import { CommandError } from "./command-error.js";
import { createLogger } from "./create-logger.js";
import { settingOptions, settingTexts } from "./setting-options.js";
import { withDatabase } from "./with-database.js";

/** `holdfast verify` */
export const verify = defineCommand({
  usage: "[options]",
  about: `Per tenant: whether every position holds exactly one change whose content has
its hash, whether the hashes chain up to the log's, and whether the current
state is what the log leads to. Safe while servers write. Exits 1 when anything
differs. Compare the hash with one noted earlier, or kept elsewhere, to know that
nobody rewrote the log as a whole.

Works on DATABASE_URL if that is set, else on the embedded Postgres of the data
directory, whether or not a server runs there.`,
  options: {
    tenant: { type: "string", placeholder: "UUID", about: "only this tenant", source: "default all" },
    json: { type: "boolean", about: "one JSON object a tenant and line" },
    ...settingOptions(["databaseUrl", "dataDirectory", "logLevel"]),
  },
  maxWords: 0,
  async run({ options: { tenant, json, ...rest }, env, stdout }) {
    const tenantId = tenant?.toLowerCase();
    if (tenantId !== undefined && !isUuid(tenantId)) throw new CommandError("--tenant: expected a UUID", 2);
    const config = readConfig(env, {}, settingTexts(rest));
    const logger = createLogger(config.logLevel);
    const format = json ? formatJson : formatText;
    return withDatabase(config, false, async (url) => {
      const database = openDatabase(
        {
          url,
          maxConnections: 2,
          connectTimeoutMs: config.connectTimeoutMs,
          statementTimeoutMs: config.statementTimeoutMs,
          preparedStatements: config.preparedStatements,
        },
        logger,
      );
      let tenants = 0;
      let different = 0;
      try {
        const selection = tenantId === undefined ? {} : { tenantId };
        for await (const report of verifyTenants({
          database,
          codecs: createCodecs(entities),
          ...selection,
        })) {
          tenants += 1;
          if (report.difference !== undefined) different += 1;
          stdout.write(`${format(report)}\n`);
        }
      } finally {
        await database.close();
      }
      if (tenants === 0 && !json) stdout.write("Nothing has been recorded yet.\n");
      return different === 0 ? 0 : 1;
    });
  },
});

function formatText({ tenantId, position, hash, rows, difference }: TenantReport): string {
  const hex = Buffer.from(hash).toString("hex");
  return difference === undefined
    ? `tenant ${tenantId}  intact  events ${position}  rows of state ${rows}  last position ${position}  hash ${hex || "-"}`
    : `tenant ${tenantId}  DIFFERS: ${difference}\n  right up to position ${position}, hash ${hex || "-"}`;
}

function formatJson({ tenantId, logId, position, hash, rows, difference }: TenantReport): string {
  return JSON.stringify({
    tenant_id: tenantId,
    log_id: logId,
    intact: difference === undefined,
    position: String(position),
    hash: Buffer.from(hash).toString("hex"),
    state_rows: rows,
    ...(difference !== undefined && { difference }),
  });
}
