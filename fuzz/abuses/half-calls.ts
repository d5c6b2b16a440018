import { create, toBinary } from "@bufbuild/protobuf";
import { AppendRequestSchema, EventService } from "../../gen/holdfast/v1/event_pb.js";
import type { Abuse } from "./abuse.js";
import { appendAs, OTHERS_WAIT_MS } from "./other-tenant.js";
import { RawCalls } from "./raw-calls.js";

/** As many as one tenant may have under way, of two tenants: more than the server admits in all. */
const CALLS = 64;
const APPEND = `/${EventService.typeName}/${EventService.method.append.name}`;
const MESSAGE = toBinary(
  AppendRequestSchema,
  create(AppendRequestSchema, { entries: [{ entry: { case: "observation", value: { type: "fuzz" } } }] }),
);

/** Calls whose message never comes, or half of it: others must be served meanwhile. */
export const halfCalls: Abuse = {
  name: "calls that never send their message",
  async run(tenant, number) {
    const sends = number % 2 === 0 ? "nothing" : "half";
    const connections = await Promise.all([tenant, { ...tenant, id: tenant.sessionId }].map(RawCalls.open));
    try {
      for (const calls of connections) {
        for (let i = 0; i < CALLS; i++) calls.call(APPEND, MESSAGE, { sends });
      }
      const refused = await appendAs(tenant.address, OTHERS_WAIT_MS);
      return refused === undefined ? [] : [`while ${CALLS * 2} calls send ${sends}, another: ${refused}`];
    } finally {
      for (const calls of connections) calls.close();
    }
  },
};
