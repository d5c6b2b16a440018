import { create } from "@bufbuild/protobuf";
import { type Payload, PayloadSchema } from "../../gen/holdfast/v1/payload_pb.js";

/** The id here of something the older agent knew by a kind and an id. */
export type IdOf = (kind: string, sourceId: string) => string;

/** What a JSON text is, in words. */
export function kindOfValue(raw: string): string {
  const first = raw[0] ?? "";
  if (first === '"') return "a string";
  if (first === "[") return "a list";
  if (first === "{") return "an object";
  if (first === "n") return "null";
  return first === "t" || first === "f" ? "true or false" : "a number";
}

/** Whether Postgres cannot keep it as text: NUL, or half of a surrogate pair. */
export function hasUnstorable(text: string): boolean {
  return /\0|\p{Surrogate}/u.test(text);
}

/** A payload of JSON as it was written. */
export function jsonText(text: string): Payload {
  return create(PayloadSchema, { data: Buffer.from(text, "utf8"), contentType: "application/json" });
}
