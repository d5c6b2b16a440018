import { SELECTORS, sharedId } from "../ledger/shared-id.js";
import { makeChange } from "./make-change.js";
import type { Role } from "./role.js";

const AT_ONCE = 6;

/** Adds outcomes to action selectors that others add to as well, several at once. */
export const recordOutcomes: Role = async (client, { tenant, address, perSecond = 24 }) => {
  const holdfast = client.connect(tenant, address, { deadlineMs: 3_000 });
  const line = {
    tenant,
    role: "record-outcomes",
    way: address,
    ordered: false,
    atomic: false,
    hasContent: false,
  };
  const ids = SELECTORS.map((name) => sharedId(tenant, name));
  for (const id of ids) await client.insist(() => holdfast.selectors.create({ id, type: "chaos" }));
  const work = async () => {
    const lane = client.lane(line);
    while (!client.stop.signal.aborted) {
      const id = client.random.pick(ids);
      await makeChange(client, lane, (requestId) =>
        holdfast.selectors.recordOutcome(id, { action: "pull", score: 0.5 }, { requestId }),
      );
      await client.pause((1000 * AT_ONCE) / perSecond);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
};
