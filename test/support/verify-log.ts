import { pino } from "pino";
import { expect } from "vitest";
import { createCodecs } from "../../src/entities/codecs.js";
import { entities } from "../../src/entities/registry.js";
import { openDatabase } from "../../src/store/database.js";
import { verifyTenants } from "../../src/store/verify.js";

/** Fails unless the tenant's log is dense, hashes to what it says and replays to its current state. */
export async function expectSoundLog(databaseUrl: string, tenantId: string): Promise<bigint> {
  const settings = { maxConnections: 2, connectTimeoutMs: 5000, statementTimeoutMs: 30_000 };
  const database = openDatabase(
    { url: databaseUrl, preparedStatements: true, ...settings },
    pino({ level: "silent" }),
  );
  try {
    const reports = [];
    for await (const report of verifyTenants({ database, codecs: createCodecs(entities), tenantId })) {
      reports.push(report);
    }
    expect(reports.map((report) => report.difference)).toEqual([undefined]);
    return reports[0]?.position ?? 0n;
  } finally {
    await database.close();
  }
}
