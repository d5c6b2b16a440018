import { AdminService } from "../../gen/holdfast/v1/admin_pb.js";
import { MemoryService } from "../../gen/holdfast/v1/memory_pb.js";
import type { Abuse } from "./abuse.js";
import { type AbuseTenant, DIMENSIONS, EMBEDDING_MODEL } from "./abuse-tenant.js";

const AT_ONCE = 32;

/** Many searches at once, each of which compares an embedding with all that the tenant has. */
export const vectorSearches: Abuse = {
  name: "vector searches in parallel",
  async run(tenant, number) {
    const embedding = Array.from({ length: DIMENSIONS }, (_, i) => Math.cos(i + number));
    const { searchMemories } = MemoryService.method;
    return together(() =>
      tenant.rpc.unary(searchMemories, { embedding, embeddingModel: EMBEDDING_MODEL, limit: 1000 }),
    );
  },
};

/** Many reads at once of all that a session has. */
export const statesInParallel: Abuse = {
  name: "GetStateAt in parallel",
  async run({ rpc, sessionId }: AbuseTenant) {
    const subject = { case: "sessionId" as const, value: sessionId };
    return together(() => rpc.unary(AdminService.method.getStateAt, { subject, pageSize: 1000 }));
  },
};

/** Makes the call many times at once. Refusals are well; what is INTERNAL or UNKNOWN is told. */
async function together(call: () => Promise<unknown>): Promise<readonly string[]> {
  const outcomes = await Promise.all(
    Array.from({ length: AT_ONCE }, () => call().catch((error: unknown) => error)),
  );
  return outcomes.flatMap((outcome) =>
    outcome instanceof Error && /INTERNAL|UNKNOWN/.test(outcome.message) ? [outcome.message] : [],
  );
}
