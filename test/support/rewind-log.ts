import { withConnection } from "./query.js";

/** Of what a rewound log may hold: rows that never change, and configurations that were created and not changed. */
const TABLES = "holdfast.observations, holdfast.configurations, holdfast.revisions, holdfast.commits";

/**
 * Takes everything after the commit that ends at a position out of a tenant's log, at once, as a failover to a standby that
 * lagged does. What is written from then on is another history.
 */
export async function rewindLog(databaseUrl: string, tenantId: string, position: bigint): Promise<void> {
  await withConnection(databaseUrl, async (client) => {
    await client.query("BEGIN");
    // Whom the policies let see all tenants. Nothing is locked that servers read.
    await client.query(`GRANT DELETE ON ${TABLES} TO holdfast_append`);
    await client.query("SET LOCAL ROLE holdfast_append");
    for (const table of TABLES.split(", ")) {
      await client.query(`DELETE FROM ${table} WHERE tenant_id = $1 AND position > $2`, [tenantId, position]);
    }
    await client.query(
      `UPDATE holdfast.tenant_logs l SET position = $2, hash = coalesce(c.hash, ''), commit_time = c.commit_time
       FROM (VALUES (1)) AS one LEFT JOIN holdfast.commits c ON c.tenant_id = $1 AND c.position = $2
       WHERE l.tenant_id = $1`,
      [tenantId, position],
    );
    await client.query("RESET ROLE");
    await client.query(`REVOKE DELETE ON ${TABLES} FROM holdfast_append`);
    await client.query("COMMIT");
  });
}
