import { type Goal, GoalStatus, type Holdfast } from "@holdfast/client";
import { monotonicMs } from "../clock.js";
import type { Client } from "./client.js";
import type { Lane } from "./lane.js";
import { makeChange } from "./make-change.js";
import type { Role } from "./role.js";

const LEASE_MS = 2_000;
const LABELS = { pool: "chaos" };

/** Two agents that take goals from one pool, work for a moment and complete them; one or the other adds new ones. */
export const takeGoals: Role = async (client, { tenant, address }) => {
  const holdfast = client.connect(tenant, address, { deadlineMs: 3_000 });
  const work = async (agent: string) => {
    const lane = client.lane({
      tenant,
      role: "take-goals",
      way: address,
      ordered: false,
      atomic: false,
      hasContent: false,
    });
    while (!client.stop.signal.aborted) {
      const taken = await take(client, holdfast, lane, agent);
      if (taken === "none") {
        await makeChange(client, lane, (id) => holdfast.goals.create({ id, title: "work", labels: LABELS }));
      } else if (taken) {
        await client.pause(client.random.between(10, 300));
        // From here on it may be over for whoever looks; the lease line ended at the latest here.
        await makeChange(client, lane, (requestId) =>
          holdfast.goals.update(taken.id, { status: GoalStatus.COMPLETED }, { requestId }),
        );
      }
      await client.pause(400);
    }
  };
  await Promise.all([work(`taker-${client.number}-a`), work(`taker-${client.number}-b`)]);
};

async function take(
  client: Client,
  holdfast: Holdfast,
  lane: Lane,
  agent: string,
): Promise<Goal | "none" | undefined> {
  const n = lane.invoke();
  const asked = monotonicMs();
  try {
    const goal = await holdfast.goals.next(
      agent,
      { labels: LABELS },
      { leaseMs: LEASE_MS, requestId: lane.id(n) },
    );
    if (!goal) {
      lane.nothing(n);
      return "none";
    }
    lane.acknowledged(n, goal.position);
    // It began after it was asked for and lasts so long: until then nobody else may hold it.
    client.ledger.write({ k: "lease", goal: goal.id, agent, since: monotonicMs(), until: asked + LEASE_MS });
    return goal;
  } catch (thrown) {
    lane.failed(n, thrown);
    return undefined;
  }
}
