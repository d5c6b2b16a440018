import { create } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "../../gen/holdfast/v1/event_pb.js";
import { timestampFromMicros } from "../core/time.js";
import type { Codecs } from "../entities/codecs.js";
import { recordFromStored } from "../entities/stored-record.js";
import type { CommittedChange } from "../store/committed-change.js";

/** A change as callers see it. The event's field for an entity is found by its message. */
export function eventFromChange(codecs: Codecs, change: CommittedChange): Event {
  const codec = codecs.ofKind(change.kind);
  const field = EventSchema.oneofs[0]?.fields.find(({ message }) => message === codec?.entity.message);
  if (!codec || !field) throw new TypeError(`Event has no field for kind ${change.kind}`);
  const event = create(EventSchema);
  event.position = change.position;
  event.commitTime = timestampFromMicros(change.commitMicros);
  event.change = change.change;
  // The descriptor pairs the field with the record's message, which TypeScript cannot see.
  const value = recordFromStored(codec, change.stored);
  event.entity = { case: field.localName, value } as unknown as Event["entity"];
  return event;
}
