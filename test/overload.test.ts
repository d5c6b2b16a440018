import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type ServiceError, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { findDetail, reasonOf, statusDetails } from "../src/rpc/testing/status-details.js";
import { observation } from "./support/entries.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const AT_A_TIME = 16;
const servers = useServers({ maxCallsInFlight: AT_A_TIME, overloadedCallsInFlight: AT_A_TIME });

test("a tenant that floods is refused with when to come again, and another is served meanwhile", async () => {
  const greedy = newTenant(servers.app());
  const modest = newTenant(servers.app());
  let flooding = true;
  const accepted = new Set<string>();
  const refused: ServiceError[] = [];
  // Many times what it may have under way, again and again.
  const flood = Array.from({ length: 3 * AT_A_TIME }, async () => {
    while (flooding) {
      const id = randomUUID();
      try {
        await greedy.append(observation({ id }));
        accepted.add(id);
      } catch (error) {
        refused.push(error as ServiceError);
        await delay(5);
      }
    }
  });
  for (let n = 1; n <= 5; n += 1) {
    expect((await modest.append(observation({}))).positions).toEqual([BigInt(n)]);
  }
  flooding = false;
  await Promise.all(flood);

  expect(accepted.size).toBeGreaterThan(0);
  expect(refused.length).toBeGreaterThan(0);
  for (const error of refused) {
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(reasonOf(error)).toBe("OVERLOADED");
    expect(findDetail(statusDetails(error), RetryInfoSchema)?.retryDelay?.nanos).toBeGreaterThan(0);
  }
  // What was refused left nothing behind.
  expect(await expectSoundLog(servers.databaseUrl, greedy.id)).toBe(BigInt(accepted.size));
  const stored = (await greedy.listAll()).map(({ entity }) => (entity.value as { id: string }).id);
  expect(new Set(stored)).toEqual(accepted);
});
