import type { Logger } from "pino";
import type { Config } from "../config.js";
import type { ImportContext } from "../legacy/import-context.js";
import { withImporter } from "../legacy/with-importer.js";
import { migrateUp } from "../store/migrate.js";

/** Imports into the database at a URL, which is brought to this version first. */
export async function openImporter<T>(
  config: Config,
  url: string,
  tenantId: string,
  logger: Logger,
  use: (context: ImportContext) => Promise<T>,
): Promise<T> {
  await migrateUp({ url });
  return withImporter(url, config, { tenantId, actor: "holdfast import" }, logger, use);
}
