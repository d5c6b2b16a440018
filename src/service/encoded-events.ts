import { toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { EventSchema, SubscribeResponseSchema } from "../../gen/holdfast/v1/event_pb.js";
import type { Codecs } from "../entities/codecs.js";
import type { CommittedChange } from "../store/committed-change.js";
import { eventFromChange } from "./event-from-change.js";
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
  readonly position: bigint;
  readonly caughtUp: boolean;
  readonly logId: string;
  readonly bytes: Uint8Array;
}

/** The number of `events` in SubscribeResponse. */
const EVENTS = SubscribeResponseSchema.field.events.number;

export function createEncodedEvents(codecs: Codecs): EncodedEvents {
  // Both go with what they are made of: a change when the feed forgets it, a page when its last reader has it.
  const events = new WeakMap<CommittedChange, Uint8Array>();
  const pages = new WeakMap<readonly CommittedChange[], EncodedPage>();

  const encode = (change: CommittedChange): Uint8Array => {
    const event = toBinary(EventSchema, eventFromChange(codecs, change));
    return new BinaryWriter().tag(EVENTS, WireType.LengthDelimited).bytes(event).finish();
  };
  const encodeOnce = (change: CommittedChange): Uint8Array => {
    const known = events.get(change);
    if (known) return known;
    const bytes = encode(change);
    events.set(change, bytes);
    return bytes;
  };
  const mayHoldSecret = ({ kind }: CommittedChange) => codecs.ofKind(kind)?.entity.secret !== undefined;

  return {
    page({ changes, position, caughtUp, logId, isShared }) {
      if (changes.some(mayHoldSecret)) return undefined;
      const known = pages.get(changes);
      if (known?.position === position && known.caughtUp === caughtUp && known.logId === logId) {
        return known.bytes;
      }
      const rest = toBinary(SubscribeResponseSchema, {
        $typeName: "holdfast.v1.SubscribeResponse",
        events: [],
        position,
        caughtUp,
        logId,
      });
      // The order of fields is free.
      const bytes = Buffer.concat([...changes.map(isShared ? encodeOnce : encode), rest]);
      if (isShared) pages.set(changes, { position, caughtUp, logId, bytes });
      return bytes;
    },
  };
}
