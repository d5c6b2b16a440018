import { describe, expect, test } from "vitest";
import type { Observation } from "../gen/holdfast/v1/observation_pb.js";
import { type Session, SessionService } from "../gen/holdfast/v1/session_pb.js";
import { openWriter } from "./support/append-writer.js";
import { observation } from "./support/entries.js";
import { newTenant, present, readUpTo } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

/** As good as never. */
const NEVER_MS = 2 ** 31 - 1;

describe.each([
  ["that hint to each other", { pollIntervalMs: NEVER_MS }],
  ["whose hints are lost", { hintIntervalMs: NEVER_MS, pollIntervalMs: 20 }],
])("two servers on one database, %s", (_, overrides) => {
  const servers = useServers(overrides, overrides);

  test("each show a subscriber everything written through both, in order", async () => {
    const tenant = newTenant(servers.app(0));
    const tenants = [tenant, tenant.on(servers.app(1))];
    const subscriptions = tenants.map((each) => each.subscribe({ after: { position: 0n } }));
    await Promise.all(subscriptions.map((answers) => answers.next()));
    const writers = await Promise.all(tenants.map((each) => openWriter(each)));
    await Promise.all([
      ...writers.map(async (writer, w) => {
        for (let i = 0; i < 50; i++) {
          const entries = Array.from({ length: 4 }, (_, e) =>
            observation({ agentId: `w${w}`, content: `${4 * i + e}` }),
          );
          await writer.append(BigInt(i), ...entries);
        }
      }),
      ...tenants.map(async (each, t) => {
        for (let i = 0; i < 20; i++) await each.append(observation({ agentId: `u${t}`, content: `${i}` }));
      }),
    ]);
    const last = 440n;
    const [here, there] = await Promise.all(subscriptions.map((answers) => readUpTo(answers, last)));
    expect(here?.map((event) => event.position)).toEqual(
      Array.from({ length: 440 }, (_, i) => BigInt(i + 1)),
    );
    expect(there).toEqual(here);
    for (const agentId of ["w0", "w1", "u0", "u1"]) {
      const contents = present(here)
        .map((event) => event.entity.value as Observation)
        .filter((each) => each.agentId === agentId)
        .map((each) => Number(each.content));
      expect(contents).toEqual(contents.map((_, i) => i));
    }
    expect(await expectSoundLog(servers.databaseUrl, tenant.id)).toBe(last);
  });

  test("each read what the other wrote, at once", async () => {
    const tenant = newTenant(servers.app(0));
    const other = tenant.on(servers.app(1));
    for (let i = 0; i < 10; i++) {
      const { id, position } = await tenant.open({ goalsTotal: i });
      const key = { case: "id" as const, value: id };
      const { session } = await other.rpc.unary(SessionService.method.getSession, {
        key,
        minPosition: position,
      });
      expect(session?.goalsTotal).toBe(i);
    }
  });

  test("each merge fields of one session without losing any", async () => {
    const tenant = newTenant(servers.app(0));
    const { id } = await tenant.open();
    const fields = ["type", "goals_total", "goals_completed", "agent_id"];
    const session = { id, type: "t", goalsTotal: 3, goalsCompleted: 2, agentId: "a" };
    await Promise.all(
      [tenant, tenant.on(servers.app(1))].flatMap((each) =>
        fields.map((path) =>
          each.rpc.unary(SessionService.method.updateSession, { session, updateMask: { paths: [path] } }),
        ),
      ),
    );
    const events = await tenant.listAll();
    expect(events.map((event) => (event.entity.value as Session).revision)).toEqual(
      Array.from({ length: 9 }, (_, i) => BigInt(i + 1)),
    );
    expect(events.at(-1)?.entity.value).toMatchObject(session);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });
});
