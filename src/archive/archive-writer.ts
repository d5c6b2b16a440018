import type { EntryLimits } from "../service/limits.js";
import type { AppenderOptions, WriterSettings } from "../service/with-appender.js";

export type ArchiveSettings = WriterSettings & EntryLimits;

/**
 * No entity's rules apply: what follows from a change is in the log it comes
 * from and must not be made a second time. One connection writes, one reads.
 */
export const ARCHIVE_WRITER: AppenderOptions = Object.freeze({ maxConnections: 2, rules: new Map() });
