import fc from "fast-check";
import type { FuzzRun } from "./fuzz-run.js";
import { prepareTenant } from "./prepare-tenant.js";
import { captureConversation, hostileBytes, sendBytes } from "./raw-bytes.js";

const AT_ONCE = 50;
/** Connections between two looks at whether the server still serves. */
const PER_ROUND = 2000;

/**
 * Opens so many connections that send what no client would.
 *
 * @throws when the server no longer accepts connections or no longer serves a well-behaved client.
 */
export async function fuzzSockets({ target, cases, seed, say }: FuzzRun): Promise<void> {
  const arbitrary = hostileBytes(await captureConversation());
  for (let made = 0, round = 0; made < cases; round += 1) {
    const count = Math.min(PER_ROUND, cases - made);
    const bytes = fc.sample(arbitrary, { numRuns: count, seed: seed + round });
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let each = bytes.pop(); each; each = bytes.pop()) await sendBytes(target.address, each);
      }),
    );
    made += count;
    const tenant = await prepareTenant(target.address);
    tenant.rpc.close();
    say(`${made} connections, server at ${target.memory()} MiB`);
  }
}
