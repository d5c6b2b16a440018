import { HoldfastError } from "@holdfast/client";
import { contentOf } from "../ledger/token.js";
import type { Role } from "./role.js";

const DEADLINE_MS = 2_500;
const MOST_RETRIES = 6;

/** Appends small batches by unary calls with a short deadline; some of what is unknown it asks again, some not. */
export const appendBatches: Role = async (client, { tenant, address, perSecond = 20 }) => {
  const holdfast = client.connect(tenant, address, { deadlineMs: DEADLINE_MS });
  const lane = client.lane({
    tenant,
    role: "append-batches",
    way: address,
    ordered: false,
    atomic: true,
    hasContent: true,
  });
  while (!client.stop.signal.aborted) {
    const count = client.random.between(1, 12);
    const from = lane.invoke(count);
    const numbers = Array.from({ length: count }, (_, i) => from + i);
    const entries = numbers.map((n) => ({
      case: "observation" as const,
      value: { id: lane.id(n), type: "chaos", content: contentOf({ lane: lane.number, n }) },
    }));
    const retries = client.random.next() < 0.6 ? MOST_RETRIES : 0;
    for (let attempt = 0; attempt <= retries; attempt++) {
      if (attempt > 0) lane.again(count);
      try {
        const outcomes = await holdfast.events.append(entries);
        for (const [i, outcome] of outcomes.entries()) {
          if (outcome.error) lane.failed(from + i, outcome.error);
          else lane.acknowledged(from + i, outcome.position);
        }
        break;
      } catch (thrown) {
        if (!lane.failed(from, HoldfastError.from(thrown), count)) break;
        await client.pause(100 * attempt);
      }
    }
    await client.pause((count / perSecond) * 1000);
  }
};
