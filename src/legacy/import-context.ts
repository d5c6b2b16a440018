import type { Codecs } from "../entities/codecs.js";
import type { Appender } from "../service/appender.js";
import type { EntryPreparer } from "../service/prepare-entry.js";
import type { Database } from "../store/database.js";
import type { ImportDisk } from "./import-disk.js";

/** What an import works with. */
export interface ImportContext {
  readonly database: Database;
  readonly codecs: Codecs;
  readonly appender: Appender;
  readonly preparer: EntryPreparer;
  readonly tenantId: string;
  /** Who imports, for the log. */
  readonly actor: string;
  /** `uncountedDisk` without. */
  readonly disk?: ImportDisk;
}
