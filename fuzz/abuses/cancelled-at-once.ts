import { create, toBinary } from "@bufbuild/protobuf";
import { AppendRequestSchema, EventService } from "../../gen/holdfast/v1/event_pb.js";
import type { Abuse } from "./abuse.js";
import { RawCalls, type Sends } from "./raw-calls.js";

/** More than may be under way on one connection at once: the server sees headers and RST_STREAM in one read. */
const CALLS = 300;
const SENDS: readonly Sends[] = ["all", "half", "nothing"];
const METHODS = [EventService.method.append, EventService.method.subscribe, EventService.method.appendStream];
const MESSAGE = toBinary(
  AppendRequestSchema,
  create(AppendRequestSchema, { entries: [{ entry: { case: "observation", value: { type: "fuzz" } } }] }),
);

/** Calls that are cancelled as soon as they are made, again and again on one connection. */
export const cancelledAtOnce: Abuse = {
  name: "calls cancelled at once",
  async run(tenant, number) {
    const method = METHODS[number % METHODS.length] ?? EventService.method.append;
    const calls = await RawCalls.open(tenant);
    try {
      for (let i = 0; i < CALLS; i++) {
        const sends = SENDS[i % SENDS.length] ?? "all";
        const call = calls.call(`/${method.parent.typeName}/${method.name}`, MESSAGE, { sends });
        call.cancel();
      }
      await calls.seen();
      return [];
    } finally {
      calls.close();
    }
  },
};
