import { setTimeout as delay } from "node:timers/promises";
import type { App } from "../../src/app.js";
import { LeakError } from "./leak-error.js";

const HELD =
  /^holdfast_(?:rpc_in_flight\{.*|transfers\{.*|transfer_disk_bytes|followed_tenants|database_connections\{state="(?:in_use|waiting)"\}) (?!0$).*$/gm;
/** A cancelled call gives back what it held within milliseconds, on a busy machine in seconds. What stays longer leaks. */
const GIVEN_BACK_WITHIN_MS = 60_000;

/** Expects a server to hold nothing for anyone: no call, no feed, no connection in use, no file. */
export async function expectNothingHeld({ http }: App, after: string | undefined): Promise<void> {
  const deadline = performance.now() + GIVEN_BACK_WITHIN_MS;
  for (;;) {
    const answer = await fetch(`http://${http.host}:${http.port}/metrics`);
    const held = (await answer.text()).match(HELD);
    if (!held) return;
    if (performance.now() > deadline)
      throw new LeakError(`after "${after}" there is left:\n${held.join("\n")}`);
    await delay(20);
  }
}
