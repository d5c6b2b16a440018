import { randomUUID } from "node:crypto";
import { connect } from "@holdfast/client";
import type { LogTenant } from "./log-writer.js";

/** Opens sessions for tenants nobody else writes for. */
export async function openTenants(
  address: string,
  tenants: number,
  sessionsOfEach: number,
): Promise<readonly LogTenant[]> {
  return Promise.all(Array.from({ length: tenants }, () => openTenant(address, sessionsOfEach)));
}

export async function openTenant(address: string, sessions: number): Promise<LogTenant> {
  const tenantId = randomUUID();
  const holdfast = connect({ address, tenantId, deadlineMs: 60_000 });
  try {
    const opened = Array.from({ length: sessions }, () => holdfast.sessions.open({ type: "bench" }));
    return { tenantId, sessionIds: (await Promise.all(opened)).map(({ id }) => id) };
  } finally {
    await holdfast.close();
  }
}
