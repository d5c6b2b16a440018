import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ImportRequest, ImportResponseSchema } from "../../../gen/holdfast/v1/admin_pb.js";
import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../../core/errors.js";
import type { CallContext } from "../call-context.js";
import type { ImportFiles } from "./import-files.js";

/** One call of Import: its options, then files in chunks. */
export function receiveImport(
  importFiles: ImportFiles,
  requests: AsyncIterable<ImportRequest>,
  { principal, signal }: CallContext,
): Promise<MessageInitShape<typeof ImportResponseSchema>> {
  const messages = requests[Symbol.asyncIterator]();
  const next = async () => {
    const { done, value } = await messages.next();
    return done ? undefined : (value as ImportRequest).request;
  };
  const reading = {
    async options() {
      const opening = await next();
      if (opening?.case !== "options") throw outOfSequence("options", opening?.case);
      return opening.value;
    },
    async chunk() {
      const request = await next();
      // Half of a folder is not what the caller meant to send.
      if (!request) signal.throwIfAborted();
      if (request && request.case !== "chunk") throw outOfSequence("a chunk", request.case);
      return request?.value;
    },
  };
  return importFiles(principal, reading, signal);
}

function outOfSequence(expected: string, got: string | undefined): HoldfastError {
  return new HoldfastError(ErrorReason.OUT_OF_SEQUENCE, `expected ${expected}, got ${got ?? "nothing"}`);
}
