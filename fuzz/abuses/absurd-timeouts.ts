import { AdminService } from "../../gen/holdfast/v1/admin_pb.js";
import type { Abuse } from "./abuse.js";
import { RawCalls } from "./raw-calls.js";

/** Further away than any timer reaches: the call is answered as one without a deadline. */
const LONG = ["99999999H", "2562048H", "35791395M", "2147483648m", "99999999S"];
const OTHER = [
  "0n",
  "0H",
  "1n",
  "-1S",
  "99999999n",
  "999999999S",
  "1",
  "S",
  "1d",
  "",
  " 1S",
  "1e3S",
  "NaNS",
  "\u00ff",
];
const GET_LOG_HEAD = `/${AdminService.typeName}/${AdminService.method.getLogHead.name}`;

/** Calls with deadlines that no client sets. */
export const absurdTimeouts: Abuse = {
  name: "absurd values of grpc-timeout",
  async run(tenant) {
    const calls = await RawCalls.open(tenant);
    try {
      const outcomes = await Promise.all(
        [...LONG, ...OTHER].map(async (timeout) => {
          const { ended } = calls.call(GET_LOG_HEAD, new Uint8Array(), {
            headers: { "grpc-timeout": timeout },
          });
          return [timeout, await ended] as const;
        }),
      );
      return outcomes.flatMap(([timeout, status]) =>
        // INTERNAL and UNKNOWN are defects; "lost" is a server that ended the connection or itself.
        ["13", "2", "lost"].includes(status) || (LONG.includes(timeout) && status !== "0")
          ? [`grpc-timeout ${JSON.stringify(timeout)} ended with ${status}`]
          : [],
      );
    } finally {
      calls.close();
    }
  },
};
