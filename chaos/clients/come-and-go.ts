import { connect, EntityKind, type Holdfast } from "@holdfast/client";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { RpcClient } from "../../test/support/rpc-client.js";
import type { Client } from "./client.js";
import type { RoleOptions } from "./client-options.js";
import { expectRefusal } from "./expect-refusal.js";
import type { Role } from "./role.js";

const RECORDS = 40;
const PAUSE_MS = 200;

/** Connects, does one thing that takes a while, sometimes leaves it halfway, and is gone; over and over. */
export const comeAndGo: Role = async (client, options) => {
  const visits = [recordSession, followAWhile, watchSettings, watchHealth, leaveEarly];
  for (let round = 0; !client.stop.signal.aborted; round++) {
    const visit = visits[round % visits.length] as (typeof visits)[number];
    const holdfast = connect(client.connection(options.tenant, options.address));
    try {
      await client.insist(() => visit(client, holdfast, options));
    } catch (thrown) {
      // Who is stopped leaves in the middle of it; what a busy machine did late may stand in the way of its repetition.
      expectRefusal(client, thrown);
    } finally {
      await holdfast.close({ timeoutMs: 1000 });
    }
    await client.pause(PAUSE_MS);
  }
};

/** A session with a stream of its own; one in four is left without a word. */
async function recordSession(client: Client, holdfast: Holdfast): Promise<void> {
  const { id } = await holdfast.sessions.open({ type: "visit" });
  const recorder = holdfast.recorder({ sessionId: id });
  const records = Array.from({ length: RECORDS }, () => recorder.observe({ type: "visit" }));
  const settled = Promise.allSettled(records);
  await recorder.close({ abandon: client.random.next() < 0.25 });
  await settled;
  await holdfast.sessions.close(id);
}

/** Catches up with what was written last, follows for a moment, and leaves in the middle of it. */
async function followAWhile(client: Client, holdfast: Holdfast): Promise<void> {
  const { position } = await holdfast.admin.getLogHead();
  const after = position > 1000n ? position - 1000n : 0n;
  const kinds = client.random.next() < 0.5 ? [EntityKind.OBSERVATION] : [];
  let left = client.random.between(1, 30);
  for await (const _ of holdfast.events.subscribe({ after, kinds, signal: client.stop.signal }).pages()) {
    left -= 1;
    if (left <= 0) break;
  }
}

/** Watches what is in force while it changes it. */
async function watchSettings(client: Client, holdfast: Holdfast, { address }: RoleOptions): Promise<void> {
  const key = `visit.${client.number}.${address}.${client.random.between(0, 9)}`;
  const found = await holdfast.configurations.resolve({ keys: [key] });
  const [existing] = found.configurations;
  const value = { data: Buffer.from(String(client.random.next())), contentType: "application/json" };
  const watch = holdfast.configurations.watch({ keys: [key], signal: client.stop.signal });
  const changed = existing
    ? holdfast.configurations.update(existing.id, { value })
    : holdfast.configurations.create({ key, value });
  const { position } = await changed;
  for await (const page of watch.pages()) if (page.cursor.position >= position) break;
}

async function watchHealth(client: Client, _: Holdfast, { tenant, address }: RoleOptions): Promise<void> {
  const [host = "", port] = client.connection(tenant, address).address.split(":");
  const rpc = new RpcClient({ host, port: Number(port) });
  try {
    await rpc.serverStream(Health.method.watch, {}).next();
  } finally {
    rpc.close();
  }
}

/** Calls that nobody waits for any more, while they are on their way or being answered. */
async function leaveEarly(client: Client, holdfast: Holdfast): Promise<void> {
  const calls = Array.from({ length: 10 }, () => {
    const signal = AbortSignal.timeout(client.random.between(0, 5));
    return holdfast.events.page({}, { pageSize: 200, signal });
  });
  await Promise.allSettled(calls);
}
