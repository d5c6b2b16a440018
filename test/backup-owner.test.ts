import { expect, onTestFinished, test } from "vitest";
import { migrateUp } from "../src/store/migrate.js";
import { backupOf, contents, PLAN, restoreTo } from "./support/backups.js";
import { keepBusy } from "./support/busy-tenant.js";
import { startOwnCluster } from "./support/own-cluster.js";
import { startServer } from "./support/start-server.js";
import { newTenant } from "./support/tenant.js";
import { expectSoundLog } from "./support/verify-log.js";

test("an owner that is no superuser backs up every tenant and restores them", async () => {
  const cluster = await startOwnCluster("kept", "restored");
  onTestFinished(() => cluster.close());
  const [kept, restored] = [cluster.urlOf("kept"), cluster.urlOf("restored")];
  await migrateUp({ url: kept });
  const app = await startServer(kept, { logLevel: "silent" });
  const tenants = [newTenant(app), newTenant(app)];
  for (const tenant of tenants) await keepBusy(tenant, PLAN);
  await app.close();
  const { file, manifest } = await backupOf(kept);
  expect(manifest.tenants.map(({ tenant_id }) => tenant_id).sort()).toEqual(
    tenants.map(({ id }) => id).sort(),
  );
  await restoreTo(restored, file);
  expect(await contents(cluster.adminUrlOf("restored"))).toEqual(await contents(cluster.adminUrlOf("kept")));
  for (const { id } of tenants) await expectSoundLog(restored, id);
});
