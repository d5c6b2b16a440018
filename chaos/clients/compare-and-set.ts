import { HoldfastError } from "@holdfast/client";
import { COUNTER, sharedId } from "../ledger/shared-id.js";
import { makeChange } from "./make-change.js";
import type { Role } from "./role.js";

/** Adds one to a number that others add to as well, each time to the revision it has read. */
export const compareAndSet: Role = async (client, { tenant, address, perSecond = 3 }) => {
  const holdfast = client.connect(tenant, address, { deadlineMs: 3_000 });
  const lane = client.lane({
    tenant,
    role: "compare-and-set",
    way: address,
    ordered: false,
    atomic: false,
    hasContent: false,
  });
  const id = sharedId(tenant, COUNTER);
  await client.insist(() => holdfast.goals.create({ id, title: COUNTER, description: "0" }));
  while (!client.stop.signal.aborted) {
    try {
      const { description, revision } = await holdfast.goals.get(id);
      const next = String(Number(description) + 1);
      await makeChange(client, lane, (requestId) =>
        holdfast.goals.update(id, { description: next }, { requestId, expectedRevision: revision }),
      );
    } catch (thrown) {
      if (HoldfastError.from(thrown).reason === "NOT_FOUND") {
        client.saw("Durable", `the goal ${id}, whose creation was acknowledged, was not found`);
      }
    }
    await client.pause(1000 / perSecond);
  }
};
