import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Case, hostileCases, mangledCases } from "../fuzz/cases.js";
import { type FuzzTenant, prepareTenant } from "../fuzz/prepare-tenant.js";
import { runCases } from "../fuzz/run-cases.js";
import { methods } from "../fuzz/services.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({});
const SEED = 4650;

async function prepare(): Promise<FuzzTenant> {
  const tenant = await prepareTenant(servers.app().grpc);
  onTestFinished(() => tenant.rpc.close());
  return tenant;
}

function sample(cases: fc.Arbitrary<Case>, count: number): readonly Case[] {
  return fc.sample(cases, { numRuns: count, seed: SEED });
}

describe.each(methods.map((method) => [`${method.parent.name}.${method.name}`, method] as const))(
  "%s",
  (_, method) => {
    test("answers hostile messages, whole or mangled, without a defect", async () => {
      const tenant = await prepare();
      const cases = [
        ...sample(hostileCases(method, tenant.texts), 40),
        ...sample(mangledCases(method, tenant.texts), 12),
      ];
      expect([...(await runCases(tenant.rpc, method, cases)).values()]).toEqual([]);
      await expectSoundLog(servers.databaseUrl, tenant.id);
    });
  },
);
