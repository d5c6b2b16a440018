import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Case, hostileCases, mangledCases } from "../fuzz/cases.js";
import { type FuzzTenant, prepareTenant } from "../fuzz/prepare-tenant.js";
import { runCases } from "../fuzz/run-cases.js";
import { methods } from "../fuzz/services.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({});
const SEED = 4650;
/** Calls of each method. Many more are made by `npm run fuzz`, of which `npm run verify:long` makes a million. */
const HOSTILE = 20;
const MANGLED = 6;

const services = [...new Set(methods.map(({ parent }) => parent))];

function sample(cases: fc.Arbitrary<Case>, count: number): readonly Case[] {
  return fc.sample(cases, { numRuns: count, seed: SEED });
}

// In turn and as one tenant: what a method has left is there for the next.
describe.each(services.map((service) => [service.name, service] as const))("%s", (_, service) => {
  let tenant: FuzzTenant;
  beforeAll(async () => {
    tenant = await prepareTenant(servers.app().grpc);
  });
  afterAll(() => tenant.rpc.close());

  test.each(service.methods.map((method) => [method.name, method] as const))(
    "%s answers hostile messages, whole or mangled, without a defect",
    async (_name, method) => {
      const cases = [
        ...sample(hostileCases(method, tenant.texts), HOSTILE),
        ...sample(mangledCases(method, tenant.texts), MANGLED),
      ];
      expect([...(await runCases(tenant.rpc, method, cases)).values()]).toEqual([]);
    },
  );

  test("leaves a log that verifies", async () => {
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });
});
