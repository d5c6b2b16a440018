import { expect, test } from "vitest";
import { type Goals, goalsOf } from "./support/goals.js";
import { query } from "./support/query.js";
import { rowsRead, settleRowsRead, stopAutovacuum } from "./support/rows-read.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const GOALS = 2000;
const BATCH = 500;
const TABLES = ["goals", "revisions"];

const servers = useServers({ databaseConnections: 2 });

async function vacuum(): Promise<void> {
  for (const table of TABLES) await query(servers.databaseUrl, `VACUUM ANALYZE holdfast.${table}`);
}

async function fill(goals: Goals): Promise<void> {
  for (let made = 0; made < GOALS; made += BATCH) {
    await goals.batch(Array.from({ length: BATCH }, () => ({ title: "one of many" })));
  }
}

test.each([
  ["that Postgres has no statistics of", async () => {}],
  ["that was vacuumed while it was empty", vacuum],
  [
    "whose statistics are of other tenants",
    async () => {
      await fill(goalsOf(newTenant(servers.app())));
      await vacuum();
    },
  ],
])("a change reads the rows it is about, of a table %s", async (_, prepare) => {
  await query(servers.databaseUrl, "TRUNCATE holdfast.goals, holdfast.revisions");
  await stopAutovacuum(servers.databaseUrl, TABLES);
  await prepare();
  const goals = goalsOf(newTenant(servers.app()));
  // Planned while there is next to nothing, and kept.
  const first = await goals.create();
  for (let i = 0; i < 10; i++) await goals.update(first.id, { priority: i / 10 });
  await fill(goals);
  // Either connection tells of what it did before by the next thing it does.
  const settle = () => settleRowsRead(() => Promise.all([goals.get(first.id), goals.get(first.id)]));
  await settle();
  const before = await rowsRead(servers.databaseUrl, TABLES);
  await goals.update(first.id, { priority: 0.95 });
  await goals.create();
  await settle();
  expect(await rowsRead(servers.databaseUrl, TABLES)).toBeLessThan(before + 100);
});
