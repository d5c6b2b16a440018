import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { checkElements, malformedMessage } from "./check-elements.js";

// Nothing answers with a request, so what it holds beyond our schema need not be kept.
const READ_OPTIONS = { readUnknownFields: false };

/**
 * A received message. `bytes` fields share the memory of what was received.
 *
 * @throws MALFORMED_MESSAGE for bytes that are no such message, invalid UTF-8 in a string among them, LIMIT_EXCEEDED for one
 * with too many elements
 */
export function decodeMessage<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  checkElements(schema, bytes);
  try {
    return fromBinary(schema, bytes, READ_OPTIONS);
  } catch (cause) {
    throw malformedMessage(schema, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

const NOTHING = new Uint8Array();

/**
 * A message that its handler has encoded already; its bytes may be shared with other calls. They can be taken once: the
 * handler that gave it is paused while they wait for their reader, and would hold them as well.
 */
export class EncodedMessage {
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(): Uint8Array {
    const bytes = this.#bytes;
    this.#bytes = NOTHING;
    return bytes;
  }
}

/** A message to send. Refuses one over the limit with LIMIT_EXCEEDED. */
export function encodeMessage<D extends DescMessage>(
  schema: D,
  init: MessageInitShape<D> | EncodedMessage,
  maxBytes: number,
): Buffer {
  const bytes = init instanceof EncodedMessage ? init.take() : toBinary(schema, create(schema, init));
  if (bytes.byteLength > maxBytes) {
    const metadata = { limit: String(maxBytes), actual: String(bytes.byteLength) };
    const message = `the answer is ${bytes.byteLength} bytes and may be at most ${maxBytes}; ask for less at a time`;
    throw new HoldfastError(ErrorReason.LIMIT_EXCEEDED, message, { metadata });
  }
  // A view: Buffer.from(bytes) would copy.
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
