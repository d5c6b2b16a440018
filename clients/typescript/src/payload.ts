import type { Payload } from "../../../gen/holdfast/v1/payload_pb.js";

const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/plain; charset=utf-8";

/**
 * A payload of JSON, as `JSON.stringify` writes it (so `undefined` members are left out and NaN becomes null;
 * to keep other JSON text exactly, give its bytes to {@link bytes}). Throws TypeError for what has no JSON.
 */
export function json(value: unknown): Payload {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`expected a JSON value, got ${typeof value}`);
  return payload(Buffer.from(text), JSON_TYPE);
}

/** A payload of plain text. Throws TypeError for a lone surrogate, which UTF-8 cannot hold. */
export function text(value: string): Payload {
  if (!(value as string & { isWellFormed(): boolean }).isWellFormed()) {
    throw new TypeError("expected well-formed Unicode, got a lone surrogate");
  }
  return payload(Buffer.from(value), TEXT_TYPE);
}

/** A payload of these very bytes, read when the record is made: they may be changed afterwards. */
export function bytes(data: Uint8Array, contentType = "application/octet-stream"): Payload {
  return payload(data, contentType);
}

/** The JSON value a payload holds; undefined for no payload. Throws SyntaxError when it is not JSON. */
export function payloadJson(payload: Payload | undefined): unknown {
  return payload === undefined ? undefined : JSON.parse(payloadText(payload));
}

/** The text a payload holds, read as UTF-8; empty for no payload. */
export function payloadText(payload: Payload | undefined): string {
  if (payload === undefined) return "";
  const { buffer, byteOffset, byteLength } = payload.data;
  return Buffer.from(buffer, byteOffset, byteLength).toString("utf8");
}

// A literal of the generated shape: create() would cost more than the rest of a small record.
function payload(data: Uint8Array, contentType: string): Payload {
  return { $typeName: "holdfast.v1.Payload", data, contentType } as Payload;
}
