import type { DescMethod } from "@bufbuild/protobuf";
import type { RpcClient } from "../test/support/rpc-client.js";
import type { Case } from "./cases.js";
import { findDefect } from "./find-defect.js";
import { sendCase } from "./send-case.js";
import { UnderWay } from "./under-way.js";

/** Calls under way at once. */
const CONCURRENCY = 16;
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** A defect, and the messages that showed it. */
export interface Finding {
  readonly method: string;
  readonly defect: string;
  /** Base64, to send again. */
  readonly messages: readonly string[];
}

/**
 * Sends all cases, several at once. Gives one finding for each kind of defect, by that kind.
 *
 * @param underWay is told what is sent
 */
export async function runCases(
  rpc: RpcClient,
  method: DescMethod,
  cases: readonly Case[],
  underWay = new UnderWay(),
): Promise<ReadonlyMap<string, Finding>> {
  const found = new Map<string, Finding>();
  let next = 0;
  const worker = async () => {
    for (let messages = cases[next++]; messages; messages = cases[next++]) {
      const sent = messages;
      const what = () => `${method.name} ${sent.map((bytes) => Buffer.from(bytes).toString("base64"))}`;
      const defect = findDefect(await underWay.during(what, () => sendCase(rpc, method, sent)));
      const kind = defect?.replace(UUID, "…");
      if (defect === undefined || kind === undefined || found.has(kind)) continue;
      const base64 = messages.map((bytes) => Buffer.from(bytes).toString("base64"));
      found.set(kind, { method: method.name, defect, messages: base64 });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return found;
}
