import { toJsonString } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Event, EventSchema } from "../../gen/holdfast/v1/event_pb.js";
import { ChangeType } from "../../gen/holdfast/v1/log_pb.js";
import { entityField, formatFields } from "./format-fields.js";

/** Ids made in the same minute begin alike (UUIDv7); they differ at the end. */
const SHORT_ID_LENGTH = 8;
/** Of most kinds' names; the longest pushes its line to the right. */
const KIND_WIDTH = 18;

/** An event as protobuf writes it in JSON, on one line. */
export function formatEventJson(event: Event): string {
  return toJsonString(EventSchema, event);
}

/** An event as a line for people: position, time, kind, change, session, fields. */
export function formatEvent({ position, commitTime, change, entity }: Event): string {
  const time = commitTime ? timestampDate(commitTime).toISOString() : "";
  const head = `${String(position).padStart(6)}  ${time}`;
  if (entity.case === undefined) return `${head}  of a kind this version does not know`;
  const field = entityField(entity.case);
  const sessionId = "sessionId" in entity.value ? entity.value.sessionId : entity.value.id;
  return [
    head,
    field.name.padEnd(KIND_WIDTH),
    (ChangeType[change] ?? String(change)).toLowerCase(),
    sessionId === "" ? "-".padEnd(SHORT_ID_LENGTH + 1) : `…${sessionId.slice(-SHORT_ID_LENGTH)}`,
    formatFields(field.message, entity.value),
  ].join("  ");
}
