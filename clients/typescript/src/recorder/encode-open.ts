import { AppendStreamRequestSchema } from "../../../../gen/holdfast/v1/event_pb.js";
import { HoldfastError } from "../holdfast-error.js";
import { ByteWriter } from "../wire/byte-writer.js";
import type { EncoderCompiler } from "../wire/message-encoder.js";

/** The first message of a stream. Throws INVALID_ARGUMENT for a name that is no text. */
export function encodeOpen(encoders: EncoderCompiler, clientName: string): Buffer {
  const writer = new ByteWriter();
  try {
    encoders.encoder(AppendStreamRequestSchema)(writer, {
      request: { case: "open", value: { clientName } },
    });
  } catch (thrown) {
    throw HoldfastError.from(thrown);
  }
  return writer.view();
}
