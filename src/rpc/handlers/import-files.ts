import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ImportOptions, ImportResponseSchema } from "../../../gen/holdfast/v1/admin_pb.js";
import type { Principal } from "../../core/principal.js";

/** Bytes of a file, in order; the chunks of a file follow each other. */
export interface FileChunk {
  readonly name: string;
  readonly data: Uint8Array;
}

/** What a call sends, read no faster than it is asked for, one after the other. */
export interface ImportMessages {
  /** First, and once. @throws OUT_OF_SEQUENCE */
  options(): Promise<Pick<ImportOptions, "dryRun" | "acceptDifferences">>;
  /** The next chunk; undefined after the last. @throws OUT_OF_SEQUENCE; the signal's reason when the call was cut off */
  chunk(): Promise<FileChunk | undefined>;
}

/**
 * Imports files as they arrive.
 *
 * @throws OVERLOADED; INVALID_FIELD for a name that is no path within a folder; LIMIT_EXCEEDED, also for a sender that is too slow
 */
export type ImportFiles = (
  principal: Principal,
  messages: ImportMessages,
  signal: AbortSignal,
) => Promise<MessageInitShape<typeof ImportResponseSchema>>;
