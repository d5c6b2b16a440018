import { withConnection } from "./query.js";

/** Of what a rewound log may hold: rows that never change, and configurations that were created and not changed. */
const TABLES = ["observations", "performance_metrics", "configurations", "revisions", "commits"] as const;

/**
 * Takes everything after the commit that ends at a position out of a tenant's log, at once, as a failover to a standby that
 * lagged does. What is written from then on is another history.
 */
export async function rewindLog(databaseUrl: string, tenantId: string, position: bigint): Promise<void> {
  await withConnection(databaseUrl, async (client) => {
    // As the owner, whom the policies bind only where they are forced.
    const setForce = async (force: "FORCE" | "NO FORCE") => {
      for (const table of [...TABLES, "tenant_logs"]) {
        await client.query(`ALTER TABLE holdfast.${table} ${force} ROW LEVEL SECURITY`);
      }
    };
    await client.query("BEGIN");
    await setForce("NO FORCE");
    for (const table of TABLES) {
      await client.query(`DELETE FROM holdfast.${table} WHERE tenant_id = $1 AND position > $2`, [
        tenantId,
        position,
      ]);
    }
    await client.query(
      `UPDATE holdfast.tenant_logs l SET position = $2, hash = coalesce(c.hash, ''), commit_time = c.commit_time
       FROM (VALUES (1)) AS one LEFT JOIN holdfast.commits c ON c.tenant_id = $1 AND c.position = $2
       WHERE l.tenant_id = $1`,
      [tenantId, position],
    );
    await setForce("FORCE");
    await client.query("COMMIT");
  });
}
