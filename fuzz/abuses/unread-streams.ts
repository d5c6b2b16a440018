import { setTimeout as delay } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { EventService, SubscribeRequestSchema } from "../../gen/holdfast/v1/event_pb.js";
import type { Abuse } from "./abuse.js";
import { RawCalls } from "./raw-calls.js";

const STREAMS = 200;
/** Until each of them has been sent what its window takes. */
const FILL_MS = 200;
const SUBSCRIBE = `/${EventService.typeName}/${EventService.method.subscribe.name}`;

/** Subscriptions from different positions on that nobody reads: each could have a page of its own waiting for it. */
export const unreadStreams: Abuse = {
  name: "streams that do not read",
  async run(tenant) {
    const calls = await RawCalls.open(tenant);
    try {
      for (let i = 0; i < STREAMS; i++) {
        const request = create(SubscribeRequestSchema, { after: { position: BigInt(i) } });
        calls.call(SUBSCRIBE, toBinary(SubscribeRequestSchema, request), { reads: false });
      }
      await delay(FILL_MS);
      return [];
    } finally {
      calls.close();
    }
  },
};
