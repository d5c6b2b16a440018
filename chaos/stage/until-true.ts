import { setTimeout as delay } from "node:timers/promises";

const TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** Asks Postgres until the answer is true. @throws with the text when that takes too long. */
export async function untilTrue(ask: () => Promise<unknown[][]>, otherwise: string): Promise<void> {
  const until = Date.now() + TIMEOUT_MS;
  while (Date.now() < until) {
    const rows = await ask().catch(() => []);
    if (rows[0]?.[0] === true) return;
    await delay(POLL_MS);
  }
  throw new Error(otherwise);
}
