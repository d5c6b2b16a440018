import type { Goal } from "@holdfast/client";
import { makeChange } from "./make-change.js";
import type { Role } from "./role.js";

/** Creates goals one by one and changes single fields of those it made, by mask. */
export const changeGoals: Role = async (client, { tenant, address, perSecond = 3 }) => {
  const holdfast = client.connect(tenant, address, { deadlineMs: 3_000 });
  const lane = client.lane({
    tenant,
    role: "change-goals",
    way: address,
    ordered: false,
    atomic: false,
    hasContent: false,
  });
  const made: Goal[] = [];
  while (!client.stop.signal.aborted) {
    const old = made.length > 20 ? client.random.pick(made) : undefined;
    if (old) {
      const description = `changed at ${Date.now()}`;
      await makeChange(client, lane, (requestId) =>
        holdfast.goals.update(old.id, { description }, { requestId }),
      );
      if (made.length > 200) made.splice(0, 100);
    }
    const goal = await makeChange(client, lane, (id) => holdfast.goals.create({ id, title: "chaos" }));
    if (goal) made.push(goal);
    await client.pause(1000 / perSecond);
  }
};
