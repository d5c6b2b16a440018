import { startServer } from "../../dist/bench/support/server.js";
import { bytes, connect } from "../../dist/clients/typescript/src/index.js";
import { eventText, SESSIONS } from "./workload.js";

export const title = "Holdfast";
export const about = "unary Append; a batch is one call";

/** @param {{ url: string }} context @returns {Promise<import("./workload.js").Peer>} */
export async function open({ url }) {
  const server = await startServer(url, undefined);
  const holdfast = connect({ address: server.address });
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => holdfast.sessions.open({})));
  /** @param {number} i */
  const entry = (i) => ({
    /** @type {"observation"} */
    case: "observation",
    value: {
      sessionId: sessions[i % SESSIONS]?.id ?? "",
      agentId: "bench",
      type: "result",
      data: bytes(Buffer.from(eventText(i)), "application/json"),
    },
  });
  /** @param {number} first @param {number} count */
  const append = async (first, count) => {
    const outcomes = await holdfast.events.append(Array.from({ length: count }, (_, i) => entry(first + i)));
    for (const { error } of outcomes) if (error) throw error;
  };
  return {
    one: (i) => append(i, 1),
    many: append,
    async close() {
      await holdfast.close();
      await server.close();
    },
  };
}
