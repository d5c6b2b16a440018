import { describe, expect, test } from "vitest";
import { action, decision, finishAction, metric, observation, payload } from "./support/entries.js";
import { heldBytesAtRest } from "./support/held-bytes.js";
import { newTenant, present, readUpTo, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const MIB = 1 << 20;
const servers = useServers(
  // Little memory, so that a subscriber falls behind it soon; other defaults as they are.
  { maxRecentChanges: 50, maxRecentBytes: 2 * MIB },
  { maxPagePositions: 7, maxRecentChanges: 10 },
);

async function fillWith(tenant: Tenant, count: number, byteLength: number): Promise<bigint> {
  let last = 0n;
  for (let i = 0; i < count; i++) {
    const data = payload(Buffer.alloc(byteLength, i), "application/octet-stream");
    last = (await tenant.append(observation({ data }))).positions[0] ?? 0n;
  }
  return last;
}

function expectDense(positions: readonly bigint[], last: bigint): void {
  expect(positions).toEqual(Array.from({ length: Number(last) }, (_, i) => BigInt(i + 1)));
}

describe("a subscriber that does not read", () => {
  test("costs little memory, slows nobody, and misses nothing when it reads again", async () => {
    const tenant = newTenant(servers.app());
    const slow = tenant.subscribe({ after: { position: 0n } });
    await slow.next();
    // What the server needs for its work, whoever reads, is there after the first of these.
    await fillWith(tenant, 20, 500_000);
    const before = await heldBytesAtRest();
    const last = await fillWith(tenant, 40, 500_000);
    const held = (await heldBytesAtRest()) - before;
    expect(held).toBeLessThan(5 * MIB);
    const live = tenant.subscribe();
    expect(await live.next()).toMatchObject({ cursor: { position: last }, caughtUp: true });
    live.cancel();
    expectDense(
      (await readUpTo(slow, last)).map((event) => event.position),
      last,
    );
  });

  test("and reads a message now and then gets everything in order", async () => {
    const tenant = newTenant(servers.app());
    const slow = tenant.subscribe({ after: { position: 0n } });
    const seen: bigint[] = [];
    let last = 0n;
    for (let round = 0; round < 30; round++) {
      const entries = Array.from({ length: 40 }, () => observation());
      last = (await tenant.append(...entries)).positions.at(-1) ?? 0n;
      seen.push(...present(await slow.next()).events.map((event) => event.position));
    }
    seen.push(...(await readUpTo(slow, last)).map((event) => event.position));
    expectDense(seen, last);
  });
});

describe("catching up", () => {
  test("over events as large as they may be comes in messages a client can receive", async () => {
    const tenant = newTenant(servers.app());
    const large = (byteLength: number) => payload(Buffer.alloc(byteLength, "x"), "text/plain");
    const own = MIB - 200;
    let last = 0n;
    for (let i = 0; i < 2; i++) {
      const id = present(
        (await tenant.append(action({ id: "", parameters: large(own) }))).generatedIds[0],
      ).id;
      for (const entry of [
        observation({ data: large(own) }),
        metric({ tags: { padding: "x".repeat(1000) } }),
        decision({ context: large(own) }),
        finishAction(id, { result: large(own) }),
        metric(),
        observation({ content: "x".repeat(own) }),
      ]) {
        const { positions, rejections } = await tenant.append(entry);
        expect(rejections).toEqual([]);
        last = positions[0] ?? 0n;
      }
    }
    const followed = await readUpTo(tenant.subscribe({ after: { position: 0n } }), last);
    expectDense(
      followed.map((event) => event.position),
      last,
    );
    expectDense(
      (await tenant.listAll()).map((event) => event.position),
      last,
    );
  });

  test("over events with large labels comes in messages a client can receive", async () => {
    const tenant = newTenant(servers.app());
    const labels = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`label ${i}`, "é".repeat(1000)]));
    let last = 0n;
    for (let i = 0; i < 3; i++) {
      const entries = Array.from({ length: 25 }, () => observation({ labels }));
      last = (await tenant.append(...entries)).positions.at(-1) ?? 0n;
    }
    expectDense(
      (await readUpTo(tenant.subscribe({ after: { position: 0n } }), last)).map((event) => event.position),
      last,
    );
    expectDense(
      (await tenant.listAll()).map((event) => event.position),
      last,
    );
  });

  test("with a filter that matches little reads a bounded part of the log at a time", async () => {
    const tenant = newTenant(servers.app(1));
    for (let i = 0; i < 10; i++) {
      await tenant.append(
        ...Array.from({ length: 10 }, () => observation({ agentId: "busy" })),
        observation({ agentId: "quiet" }),
      );
    }
    const filter = { agentIds: ["quiet"] };
    const expected = Array.from({ length: 10 }, (_, i) => BigInt(11 * (i + 1)));
    const followed = await readUpTo(tenant.subscribe({ after: { position: 0n }, filter }), 110n);
    expect(followed.map((event) => event.position)).toEqual(expected);
    expect((await tenant.listAll({ filter })).map((event) => event.position)).toEqual(expected);
  });
});
