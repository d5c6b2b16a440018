import { pino } from "pino";
import { createCodecs } from "../../src/entities/codecs.js";
import { entities } from "../../src/entities/registry.js";
import { openDatabase } from "../../src/store/database.js";
import { verifyTenants } from "../../src/store/verify.js";
import { COUNTER, SELECTORS, sharedId } from "../ledger/shared-id.js";
import type { Evidence } from "./evidence.js";
import { Findings } from "./findings.js";
import type { Violation } from "./guarantee.js";
import type { StoredLog } from "./stored-log.js";

const STATEMENT_TIMEOUT_MS = 120_000;

/** Log and state agree and the hash chain is intact, as `holdfast verify` sees it; and what was counted adds up. */
export async function checkConvergent(evidence: Evidence): Promise<Violation[]> {
  const findings = new Findings("Convergent");
  const database = openDatabase(
    {
      url: evidence.databaseUrl,
      maxConnections: 2,
      connectTimeoutMs: 10_000,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      preparedStatements: true,
    },
    pino({ level: "silent" }),
  );
  try {
    for await (const { tenantId, difference } of verifyTenants({
      database,
      codecs: createCodecs(entities),
    })) {
      if (difference !== undefined) findings.add(`tenant ${tenantId}: ${difference}`);
    }
  } finally {
    await database.close();
  }
  for (const log of evidence.logs.values()) {
    for (let position = 1; position <= log.end; position++) {
      if (log.kinds[position] === 0) findings.add(`position ${position} of ${log.tenant} is empty`);
    }
    for (const position of log.doubled)
      findings.add(`position ${position} of ${log.tenant} holds two things`);
    await checkCounts(evidence, log, findings);
  }
  return findings.violations;
}

/** Each change that is stored was counted, and nothing else was. */
async function checkCounts({ client }: Evidence, log: StoredLog, findings: Findings): Promise<void> {
  const changes = async (id: string) => {
    const text =
      "SELECT count(*) AS n FROM holdfast.revisions WHERE tenant_id = $1 AND entity_id = $2 AND change = 'UPDATED'";
    return Number((await client.query<{ n: string }>(text, [log.tenant, id])).rows[0]?.n);
  };
  for (const name of SELECTORS) {
    const id = sharedId(log.tenant, name);
    const text =
      "SELECT action_counts->>'pull' AS n FROM holdfast.action_selectors WHERE tenant_id = $1 AND id = $2";
    const { rows } = await client.query<{ n: string | null }>(text, [log.tenant, id]);
    const expected = await changes(id);
    const counted = Number(rows[0]?.n ?? 0);
    if (counted !== expected) findings.add(`${name} counts ${counted} outcomes, and ${expected} are stored`);
  }
  const id = sharedId(log.tenant, COUNTER);
  const text = "SELECT description AS n FROM holdfast.goals WHERE tenant_id = $1 AND id = $2";
  const { rows } = await client.query<{ n: string }>(text, [log.tenant, id]);
  const expected = await changes(id);
  if (rows[0] && Number(rows[0].n) !== expected) {
    findings.add(`the counter says ${rows[0].n}, and ${expected} additions are stored: one was lost`);
  }
}
