import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ImportRequest, ImportResponseSchema } from "../../../gen/holdfast/v1/admin_pb.js";
import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../../core/errors.js";
import type { CallContext } from "../call-context.js";
import type { FileChunk, ImportFiles } from "./import-files.js";

/** One call of Import: its options, then files in chunks. */
export async function receiveImport(
  importFiles: ImportFiles,
  requests: AsyncIterable<ImportRequest>,
  { principal, signal }: CallContext,
): Promise<MessageInitShape<typeof ImportResponseSchema>> {
  const messages = requests[Symbol.asyncIterator]();
  const first = await messages.next();
  const opening = first.done ? undefined : first.value.request;
  if (opening?.case !== "options") throw outOfSequence("options", opening?.case);
  return importFiles(principal, opening.value, chunks(messages, signal));
}

async function* chunks(
  messages: AsyncIterator<ImportRequest>,
  signal: AbortSignal,
): AsyncGenerator<FileChunk, void> {
  for (let next = await messages.next(); !next.done; next = await messages.next()) {
    const { request } = next.value;
    if (request.case !== "chunk") throw outOfSequence("a chunk", request.case);
    yield request.value;
  }
  // Half of a folder is not what the caller meant to send.
  signal.throwIfAborted();
}

function outOfSequence(expected: string, got: string | undefined): HoldfastError {
  return new HoldfastError(ErrorReason.OUT_OF_SEQUENCE, `expected ${expected}, got ${got ?? "nothing"}`);
}
