import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Goals, goalsOf } from "./support/goals.js";
import { query } from "./support/query.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const GOALS = 2000;
const BATCH = 500;
/** Within which a backend tells what it has read, once it has not for as long. */
const STATISTICS_MS = 1100;

const servers = useServers({ databaseConnections: 2 });

/** Rows of goals and their past that were read by index or by reading the whole table. */
async function rowsRead(): Promise<number> {
  const [row] = await query<{ read: bigint }>(
    servers.databaseUrl,
    `SELECT sum(coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0))::bigint AS read
     FROM pg_stat_all_tables WHERE schemaname = 'holdfast' AND relname IN ('goals', 'revisions')`,
  );
  return Number(row?.read);
}

async function vacuum(): Promise<void> {
  for (const table of ["goals", "revisions"]) {
    await query(servers.databaseUrl, `VACUUM ANALYZE holdfast.${table}`);
  }
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
  for (const table of ["goals", "revisions"]) {
    await query(servers.databaseUrl, `ALTER TABLE holdfast.${table} SET (autovacuum_enabled = false)`);
  }
  await prepare();
  const goals = goalsOf(newTenant(servers.app()));
  // Planned while there is next to nothing, and kept.
  const first = await goals.create();
  for (let i = 0; i < 10; i++) await goals.update(first.id, { priority: i / 10 });
  await fill(goals);
  // Either connection tells of what it did before by the next thing it does.
  const settle = async () => {
    await delay(STATISTICS_MS);
    await Promise.all([goals.get(first.id), goals.get(first.id)]);
    await delay(STATISTICS_MS);
  };
  await settle();
  const before = await rowsRead();
  await goals.update(first.id, { priority: 0.95 });
  await goals.create();
  await settle();
  expect(await rowsRead()).toBeLessThan(before + 100);
});
