import { randomUUID } from "node:crypto";
import { EventService } from "../../gen/holdfast/v1/event_pb.js";
import type { Address } from "../../src/rpc/bind.js";
import { RpcClient } from "../../test/support/rpc-client.js";

/** How long another tenant's call may take while a server is abused. It takes milliseconds; the machine may be busy. */
export const OTHERS_WAIT_MS = 20_000;
/** A client that is refused comes again. */
const RETRY_MS = 200;

/** Appends as a tenant that does nothing else, again when refused. Gives why it was not served in time, if it was not. */
export async function appendAs(address: Address, withinMs: number): Promise<string | undefined> {
  const rpc = new RpcClient(address, { tenant: randomUUID() });
  const deadline = Date.now() + withinMs;
  let refused = "no answer";
  try {
    while (Date.now() < deadline) {
      const entries = [{ entry: { case: "observation" as const, value: { type: "modest" } } }];
      const failed = await rpc.unary(EventService.method.append, { entries }, { deadline }).then(
        () => undefined,
        (error: Error) => error.message,
      );
      if (failed === undefined) return undefined;
      refused = failed;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    return `expected to be served within ${withinMs} ms: ${refused}`;
  } finally {
    rpc.close();
  }
}
