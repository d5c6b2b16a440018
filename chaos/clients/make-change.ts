import type { Client } from "./client.js";
import type { Lane } from "./lane.js";

const MOST_RETRIES = 4;

/**
 * Makes one change under an id of the lane, and keeps the ledger of it. What is unknown it mostly asks again.
 * Returns the answer, or undefined when there is none.
 */
export async function makeChange<T extends { readonly position: bigint }>(
  client: Client,
  lane: Lane,
  change: (id: string) => Promise<T>,
): Promise<T | undefined> {
  const n = lane.invoke();
  const retries = client.random.next() < 0.7 ? MOST_RETRIES : 0;
  for (let attempt = 0; attempt <= retries; attempt++) {
    if (attempt > 0) lane.again();
    try {
      const answer = await change(lane.id(n));
      lane.acknowledged(n, answer.position);
      return answer;
    } catch (thrown) {
      if (!lane.failed(n, thrown)) return undefined;
      await client.pause(100 * attempt);
    }
  }
  return undefined;
}
