import { payloadText } from "../../clients/typescript/src/index.js";
import type { Payload } from "../../gen/holdfast/v1/payload_pb.js";
import { printable } from "./printable.js";

/** The beginning of a payload that is text, JSON on one line; else how long it is and of what type. */
export function formatPayload(payload: Payload): string {
  const { data, contentType } = payload;
  const text = payloadText(payload);
  // What is no UTF-8 has become U+FFFD, or was that already.
  if (text.includes("\ufffd")) return `<${data.byteLength} bytes of ${printable(contentType) || "no type"}>`;
  // One run of white space at a time: a pattern that looks for its line break takes quadratic time.
  return printable(text.replace(/\s+/g, (space) => (space.includes("\n") ? " " : space)).trim());
}
