import { create } from "@bufbuild/protobuf";
import { type Payload, PayloadSchema } from "../../../gen/holdfast/v1/payload_pb.js";

const JSON_TYPE = "application/json";

/** A payload of this JSON text. */
export function jsonPayload(text: string): Payload {
  return create(PayloadSchema, { data: Buffer.from(text, "utf8"), contentType: JSON_TYPE });
}

/** The JSON text of a payload and its value; undefined if it is none. */
export function jsonFromPayload(
  payload: Payload,
): { readonly text: string; readonly value: unknown } | undefined {
  if (payload.contentType !== JSON_TYPE && payload.contentType !== "") return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload.data);
    return { text, value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
