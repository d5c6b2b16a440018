import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Holdfast, Recorded } from "@holdfast/client";
import { contentOf } from "../ledger/token.js";
import type { Client } from "./client.js";
import type { Lane } from "./lane.js";
import type { Role } from "./role.js";

const MOST_AT_ONCE = 120;
/** Records in flight at most, a second's: where the machine is slow, more would wait for each other alone. */
const MOST_OPEN = 400;
const CLOSE_TIMEOUT_MS = 30_000;

/** Streams observations and measurements by the client's recorder, now and then by a new one. */
export const record: Role = async (client, { tenant, address, perSecond = 200 }) => {
  const holdfast = client.connect(tenant, address);
  const session = { id: randomUUID(), agentId: `chaos-${client.number}`, type: "chaos" };
  await client.insist(() => holdfast.sessions.open(session));
  const line = { tenant, role: "record", way: address, ordered: true, atomic: false, hasContent: true };
  let lane: Lane | undefined;
  while (!client.stop.signal.aborted) {
    lane = client.lane({ ...line, continues: lane?.number });
    await recordFor(client, holdfast, session.id, lane, perSecond, client.random.between(8_000, 25_000));
  }
};

async function recordFor(
  client: Client,
  holdfast: Holdfast,
  sessionId: string,
  lane: Lane,
  perSecond: number,
  ms: number,
): Promise<void> {
  const recorder = holdfast.recorder({
    sessionId,
    agentId: `chaos-${client.number}`,
    answerTimeoutMs: 6_000,
  });
  const until = Date.now() + ms;
  while (!client.stop.signal.aborted && Date.now() < until) {
    const burst = client.random.between(1, MOST_AT_ONCE);
    const from = lane.invoke(burst);
    for (let n = from; n < from + burst; n++) keep(lane, n, send(recorder, lane, n));
    await client.pause((burst / perSecond) * 1000);
    while (lane.open > MOST_OPEN && !client.stop.signal.aborted) await client.pause(5);
  }
  // Whoever gives up does not know what became of the rest: now and then at once, else when it takes too long.
  const abandon = !client.stop.signal.aborted && client.random.next() < 0.4;
  const timeout = AbortSignal.timeout(CLOSE_TIMEOUT_MS);
  await recorder.close(abandon ? { abandon } : { signal: timeout });
  while (lane.open > 0) await delay(1);
}

function send(recorder: ReturnType<Holdfast["recorder"]>, lane: Lane, n: number): Recorded {
  const id = lane.id(n);
  if (n % 10 === 9) return recorder.measure({ id, name: "chaos", value: n });
  return recorder.observe({ id, type: "chaos", content: contentOf({ lane: lane.number, n }) });
}

function keep(lane: Lane, n: number, recorded: Recorded): void {
  recorded.then(
    ({ position }) => lane.acknowledged(n, position),
    (error) => lane.failed(n, error),
  );
}
