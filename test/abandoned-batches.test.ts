import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { EventService } from "../gen/holdfast/v1/event_pb.js";
import { MemoryService, MemoryType } from "../gen/holdfast/v1/memory_pb.js";
import { openWriter } from "./support/append-writer.js";
import { action, observation } from "./support/entries.js";
import { query, withConnection } from "./support/query.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const server = useServers({});
/** Long enough for any machine: what is waited for comes sooner. */
const PATIENCE = { timeout: 60_000, interval: 20 };

/** Keeps a tenant's log locked meanwhile, so that a flush of it is under way all the time. */
async function withLockedLog<T>(tenantId: string, use: () => Promise<T>): Promise<T> {
  return withConnection(server.databaseUrl, async (client) => {
    await client.query("BEGIN");
    await client.query("SELECT FROM holdfast.tenant_logs WHERE tenant_id = $1 FOR UPDATE", [tenantId]);
    const used = await use();
    await client.query("ROLLBACK");
    return used;
  });
}

async function untilFlushWaits(): Promise<void> {
  const waiting = `SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'holdfast' AND wait_event_type = 'Lock'`;
  await expect.poll(() => query(server.databaseUrl, waiting), PATIENCE).toHaveLength(1);
}

/** Waits until the server serves so many calls, streams among them. */
async function untilInFlight(count: number): Promise<void> {
  const { host, port } = server.app().http;
  const inFlight = async () => {
    const text = await (await fetch(`http://${host}:${port}/metrics`)).text();
    return [...text.matchAll(/^holdfast_rpc_in_flight\{.*\} (\d+)$/gm)].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  };
  await expect.poll(inFlight, PATIENCE).toBe(count);
}

test("batches of a stream that is gone are stored if a flush has taken them, else none of them", async () => {
  const tenant = newTenant(server.app());
  await tenant.append(observation());
  const [taken, late] = [randomUUID(), randomUUID()];
  const gone = await openWriter(tenant);
  const { last } = await withLockedLog(tenant.id, async () => {
    gone.send(0n, [observation({ id: taken })]);
    await untilFlushWaits();
    for (let sequence = 1n; sequence < 6n; sequence += 1n) gone.send(sequence, [observation(), action()]);
    // On the same connection, so the batches are there when it is answered.
    await tenant.rpc.unary(EventService.method.listEvents, {});
    gone.stream.cancel();
    await untilInFlight(0);
    const last = tenant.append(observation({ id: late }));
    await untilInFlight(1);
    return { last };
  });
  expect((await last).positions).toEqual([3n]);
  const events = await tenant.listAll();
  expect(events.slice(1).map(({ entity }) => entity.value?.id)).toEqual([taken, late]);
  await expectSoundLog(server.databaseUrl, tenant.id);
});

test("a batch that no flush has taken by its deadline is not stored, and is when it is sent again", async () => {
  const tenant = newTenant(server.app());
  await tenant.append(observation());
  const options = () => ({ deadline: Date.now() + 300 });
  const entries = [observation(), observation()];
  const memories = [{ id: randomUUID(), type: MemoryType.SEMANTIC, content: "late" }];
  const { first } = await withLockedLog(tenant.id, async () => {
    const first = tenant.append(observation());
    await untilFlushWaits();
    const late = await Promise.allSettled([
      tenant.rpc.unary(EventService.method.append, { entries }, options()),
      tenant.rpc.unary(MemoryService.method.batchCreateMemories, { memories }, options()),
    ]);
    for (const each of late) expect(each).toMatchObject({ reason: { code: status.DEADLINE_EXCEEDED } });
    await untilInFlight(1);
    return { first };
  });
  expect((await first).positions).toEqual([2n]);
  // Were the others still waiting, they would come before these.
  expect(await tenant.append(...entries)).toMatchObject({ positions: [3n, 4n], duplicates: [] });
  const { result } = await tenant.rpc.unary(MemoryService.method.batchCreateMemories, { memories });
  expect(result).toMatchObject({ positions: [5n], duplicates: [] });
  await expectSoundLog(server.databaseUrl, tenant.id);
});
