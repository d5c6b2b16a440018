import type { Payload } from "../../gen/holdfast/v1/payload_pb.js";

/** A payload of JSON. */
export function jsonPayload(value: unknown): Pick<Payload, "data" | "contentType"> {
  return { data: Buffer.from(JSON.stringify(value)), contentType: "application/json" };
}
