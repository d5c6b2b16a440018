/** What never comes takes that long; on a machine that is busy with other things all else comes in seconds. */
const NEVER_MS = 60_000;

/** Waits for a condition that sockets bring about. Fails after a minute. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + NEVER_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`still not so: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
