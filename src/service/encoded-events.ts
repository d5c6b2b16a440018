import { create, type DescField, toBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { EventSchema, SubscribeResponseSchema } from "../../gen/holdfast/v1/event_pb.js";
import { WireWriter } from "../core/wire-writer.js";
import type { Codecs } from "../entities/codecs.js";
import type { CommittedChange } from "../store/committed-change.js";
import type { LogCursor } from "../store/log-cursor.js";
import { toCursor } from "./cursors.js";
import type { SubscriptionPage } from "./subscription.js";

/** Pages for subscribers as bytes: an event is encoded once, however many are told of it, and so is a page they share. */
export interface EncodedEvents {
  /**
   * The SubscribeResponse of a page, encoded. Undefined when one of its events
   * may hold a secret: what of that is shown depends on who reads it.
   */
  page(page: SubscriptionPage): Uint8Array | undefined;
}

interface EncodedPage {
  readonly cursor: LogCursor;
  readonly caughtUp: boolean;
  readonly bytes: Uint8Array;
}

/** Tags of what every event has; that of its entity goes by the kind. */
const EVENTS = tagOf(SubscribeResponseSchema.field.events, WireType.LengthDelimited);
const POSITION = tagOf(EventSchema.field.position, WireType.Varint);
const COMMIT_TIME = tagOf(EventSchema.field.commitTime, WireType.LengthDelimited);
const CHANGE = tagOf(EventSchema.field.change, WireType.Varint);
/** Most events are of 128 to 16383 bytes. */
const USUAL_LENGTH_BYTES = 2;

export function createEncodedEvents(codecs: Codecs): EncodedEvents {
  // Both go with what they are made of: a change when the feed forgets it, a page when its last reader has it.
  const events = new WeakMap<CommittedChange, Uint8Array>();
  const pages = new WeakMap<readonly CommittedChange[], EncodedPage>();
  const writer = new WireWriter();
  const entityFields = new Map(EventSchema.oneofs[0]?.fields.map((field) => [field.message, field]));

  const write = ({ position, commitMicros, change, kind, stored }: CommittedChange) => {
    const codec = codecs.ofKind(kind);
    const field = entityFields.get(codec?.entity.message);
    if (!codec || !field) throw new TypeError(`Event has no field for kind ${kind}`);
    writer.varint(EVENTS);
    const event = writer.begin(USUAL_LENGTH_BYTES);
    writer.varint(POSITION);
    writer.integer(position);
    writer.varint(COMMIT_TIME);
    writer.timestamp(commitMicros);
    writer.varint(CHANGE);
    writer.integer(change);
    writer.varint(tagOf(field, WireType.LengthDelimited));
    const entity = writer.begin(USUAL_LENGTH_BYTES);
    codec.write(writer, stored);
    writer.end(entity, USUAL_LENGTH_BYTES);
    writer.end(event, USUAL_LENGTH_BYTES);
  };
  const writeOnce = (change: CommittedChange) => {
    const known = events.get(change);
    if (known) {
      writer.raw(known);
      return;
    }
    const from = writer.byteLength;
    write(change);
    events.set(change, writer.copy(from));
  };
  const mayHoldSecret = ({ kind }: CommittedChange) => codecs.ofKind(kind)?.entity.secret !== undefined;

  return {
    page({ changes, cursor, caughtUp, isShared }) {
      if (changes.some(mayHoldSecret)) return undefined;
      const known = pages.get(changes);
      if (known?.caughtUp === caughtUp && isSameCursor(known.cursor, cursor)) {
        return known.bytes;
      }
      changes.forEach(isShared ? writeOnce : write);
      const rest = { events: [], caughtUp, cursor: toCursor(cursor) };
      writer.raw(toBinary(SubscribeResponseSchema, create(SubscribeResponseSchema, rest)));
      const bytes = writer.finish();
      if (isShared) pages.set(changes, { cursor, caughtUp, bytes });
      return bytes;
    },
  };
}

/** For pages that have the same changes: then both are of one history. */
function isSameCursor(one: LogCursor, other: LogCursor): boolean {
  return (
    one.position === other.position &&
    one.logId === other.logId &&
    one.commit?.position === other.commit?.position
  );
}

function tagOf({ number }: DescField, wireType: WireType): number {
  return (number << 3) | wireType;
}
