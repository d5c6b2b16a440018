import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ImportOptions, ImportResponseSchema } from "../../../gen/holdfast/v1/admin_pb.js";
import type { Principal } from "../../core/principal.js";

/** Bytes of a file, in order; the chunks of a file follow each other. */
export interface FileChunk {
  readonly name: string;
  readonly data: Uint8Array;
}

/** Imports files as they arrive. @throws INVALID_FIELD for a name that is no path within a folder, LIMIT_EXCEEDED */
export type ImportFiles = (
  principal: Principal,
  options: Pick<ImportOptions, "dryRun" | "acceptDifferences">,
  chunks: AsyncIterable<FileChunk>,
) => Promise<MessageInitShape<typeof ImportResponseSchema>>;
