import { EventService } from "../../gen/holdfast/v1/event_pb.js";
import { callHeaders } from "../http2-frames.js";
import { Http2Peer } from "../http2-peer.js";
import { streamFloods } from "../stream-floods.js";
import type { Abuse } from "./abuse.js";
import { appendAs, OTHERS_WAIT_MS } from "./other-tenant.js";

const CONNECTIONS = 4;
/** Milliseconds. */
const FLOOD_MS = 300;
const APPEND = `/${EventService.typeName}/${EventService.method.append.name}`;

/** Frames that cost a server more than the client that sends them: others must be served meanwhile. */
export const floodedConnections: Abuse = {
  name: "connections flooded with frames",
  async run(tenant, number) {
    const flood = streamFloods[number % streamFloods.length] as (typeof streamFloods)[number];
    const headers = callHeaders(APPEND, { "holdfast-tenant": tenant.id });
    const signal = AbortSignal.timeout(FLOOD_MS);
    const floods = Array.from({ length: CONNECTIONS }, async () => {
      const peer = await Http2Peer.open(tenant.address);
      await peer.flood(flood.frames(headers), signal);
      peer.close();
    });
    const refused = await appendAs(tenant.address, OTHERS_WAIT_MS);
    await Promise.all(floods);
    return refused === undefined ? [] : [`during ${flood.name}, another: ${refused}`];
  },
};
