import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type JournaledHoldfast, type Kept } from "@holdfast/client";
import { contentOf } from "../ledger/token.js";
import type { Lane } from "./lane.js";
import type { Role } from "./role.js";

/** Shorter than any outage, so that each is journaled. */
const ACKNOWLEDGE_WITHIN_MS = 300;
const PROBE_MS = 200;
const MOST_AT_ONCE = 12;
/** How long the end of a replay is waited for once everything is back. */
const DRAIN_TIMEOUT_MS = 45_000;

/**
 * Writes through a journal, one after the other, by unary calls, batches and a recorder: what is not acknowledged soon
 * is kept on disk and made later, by this process or, when it was killed, by the next, ahead of what that writes.
 */
export const keepJournal: Role = async (client, { tenant, address, perSecond = 40, continues }) => {
  const holdfast = connect({
    ...client.connection(tenant, address),
    journal: {
      directory: join(client.directory, "journal"),
      acknowledgeWithinMs: ACKNOWLEDGE_WITHIN_MS,
      probeIntervalMs: PROBE_MS,
      onRejected: ({ ids, error }) =>
        client.saw("Durable", `journaled writes, ${ids}, were refused at replay: ${error.message}`),
    },
  });
  const lane = client.lane({
    tenant,
    role: "keep-journal",
    way: address,
    ordered: true,
    atomic: false,
    hasContent: true,
    isJournaled: true,
    continues,
  });
  const recorder = holdfast.recorder();
  while (!client.stop.signal.aborted) {
    const count = client.random.between(1, MOST_AT_ONCE);
    const from = lane.invoke(count);
    const numbers = Array.from({ length: count }, (_, i) => from + i);
    const way = client.random.pick(["one by one", "batch", "recorder"] as const);
    if (way === "batch") await append(holdfast, lane, numbers);
    else if (way === "recorder") {
      await Promise.all(numbers.map((n) => settle(lane, n, recorder.observe(observation(lane, n)))));
    } else {
      for (const n of numbers) await settle(lane, n, holdfast.observations.create(observation(lane, n)));
    }
    await client.pause((count / perSecond) * 1000);
  }
  await recorder.close();
  const drained = holdfast.journal.drained().then(() => true);
  if (!(await Promise.race([drained, delay(DRAIN_TIMEOUT_MS, false)]))) {
    const { entries, mode, cause } = holdfast.journal.state;
    client.saw("Live", `${entries} writes wait in the journal, which is ${mode}: ${cause?.message}`);
  }
  await holdfast.close({ timeoutMs: 1000 });
};

function observation(lane: Lane, n: number) {
  return { id: lane.id(n), type: "chaos", content: contentOf({ lane: lane.number, n }) };
}

async function settle(
  lane: Lane,
  n: number,
  written: PromiseLike<Kept | { readonly state: "durable"; readonly position: bigint }>,
): Promise<void> {
  try {
    const kept = await written;
    if (kept.state === "durable") lane.acknowledged(n, kept.position);
    else lane.journaled(n);
  } catch (thrown) {
    lane.failed(n, thrown);
  }
}

async function append(holdfast: JournaledHoldfast, lane: Lane, numbers: readonly number[]): Promise<void> {
  const from = numbers[0] ?? 0;
  const entries = numbers.map((n) => ({ case: "observation" as const, value: observation(lane, n) }));
  try {
    const written = await holdfast.events.append(entries);
    if (written.state === "journaled") return lane.journaled(from, numbers.length);
    for (const [i, outcome] of written.value.entries()) {
      if (outcome.error) lane.failed(from + i, outcome.error);
      else lane.acknowledged(from + i, outcome.position);
    }
  } catch (thrown) {
    lane.failed(from, thrown, numbers.length);
  }
}
