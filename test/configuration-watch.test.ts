import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import {
  ConfigurationService,
  ConfigurationLayer as Layer,
  type WatchConfigurationsResponse,
} from "../gen/holdfast/v1/configuration_pb.js";
import { change, inForce, put, remove, text } from "./support/configurations.js";
import { payload } from "./support/entries.js";
import { refusal } from "./support/refusal.js";
import type { AnswerStream } from "./support/rpc-client.js";
import { newTenant, present, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const servers = useServers({}, {});
const { method } = ConfigurationService;

describe("a watch", () => {
  const watch = (tenant: Tenant, request: object = {}) =>
    tenant.rpc.serverStream(method.watchConfigurations, request);

  /** What is told up to a position: "position key=value". */
  async function toldUpTo(
    answers: AnswerStream<WatchConfigurationsResponse>,
    position: bigint,
  ): Promise<string[]> {
    const told: string[] = [];
    for (;;) {
      const answer = present(await answers.next());
      for (const each of answer.changes) {
        told.push(`${each.position} ${each.key}=${text(each.configuration) ?? "none"}`);
        if (each.configuration) expect(each.configuration.key).toBe(each.key);
      }
      if (present(answer.cursor).position >= position) break;
    }
    answers.cancel();
    return told;
  }

  test("tells what is in force in several messages where one could not hold it", async () => {
    const tenant = newTenant(servers.app(0));
    const value = payload(JSON.stringify("x".repeat(900_000)));
    const keys = Array.from({ length: 6 }, (_, i) => `key ${i}`);
    for (const key of keys) await put(tenant, { key, value });
    const refused = await refusal(tenant.rpc.unary(method.resolveConfiguration, {}));
    expect(refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "LIMIT_EXCEEDED" });
    expect(refused.message).toMatch(/^the answer is 54\d{5} bytes and may be at most 4194304; /);

    const answers = watch(tenant);
    const told: WatchConfigurationsResponse[] = [];
    do told.push(present(await answers.next()));
    while (!told.at(-1)?.caughtUp);
    answers.cancel();
    expect(told.flatMap(({ changes }) => changes.map(({ key }) => key))).toEqual(keys);
    expect(told.map(({ cursor }) => cursor?.position)).toEqual([0n, 0n, 0n, 0n, 0n, 6n]);
  });

  test("tells large changes in messages that each may be resumed after", async () => {
    const tenant = newTenant(servers.app(0));
    // Taking away the values above brings to light the large ones below, all in one page of the log.
    const value = payload(JSON.stringify("x".repeat(900_000)));
    const above = [];
    for (let i = 0; i < 6; i += 1) await put(tenant, { key: `key ${i}`, value, layer: Layer.DEFAULT });
    for (let i = 0; i < 6; i += 1) above.push(await put(tenant, { key: `key ${i}`, value: payload("1") }));
    for (const { id } of above) await change(tenant, { id, active: false }, "active");
    const upTo = 18n;
    const answers = watch(tenant, { after: { position: 12n } });
    const first = present(await answers.next());
    answers.cancel();
    expect([first.changes.length, first.cursor?.position, first.caughtUp]).toEqual([1, 13n, false]);
    const told = await toldUpTo(watch(tenant, { after: present(first.cursor) }), upTo);
    expect(told.map((each) => each.slice(0, 8))).toEqual(
      [14, 15, 16, 17, 18].map((at, i) => `${at} key ${i + 1}`.slice(0, 8)),
    );
  });

  test("tells what is in force, then what comes into force, also through another server", async () => {
    const tenant = newTenant(servers.app(0));
    const elsewhere = tenant.on(servers.app(1));
    await put(tenant, { key: "a", value: payload("1"), layer: Layer.DEFAULT });
    const b = await put(tenant, { key: "b", value: payload("2") });
    const agents = watch(elsewhere, { agentId: "planner" });
    const others = watch(elsewhere, { keys: ["a"] });
    const first = present(await agents.next());
    expect(first.changes.map(({ key, configuration }) => [key, text(configuration)])).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
    const own = await put(tenant, { key: "a", value: payload("3"), agentId: "planner" }); // 3
    await put(tenant, { key: "a", value: payload("4"), agentId: "someone else" }); // 4
    await put(tenant, { key: "a", value: payload("5") }); // 5, hidden from the planner
    await change(tenant, { id: b.id, active: false }, "active"); // 6
    const removed = await remove(tenant, own.id); // 7 and its audit, 8
    expect(await toldUpTo(agents, removed.position)).toEqual(["3 a=3", "6 b=none", "7 a=5"]);
    expect(await toldUpTo(others, removed.position)).toEqual(["1 a=1", "5 a=5"]);
  });

  test("resumes after any position with what an unbroken one tells", async () => {
    const tenant = newTenant(servers.app());
    const ids: string[] = [];
    for (const agentId of ["", "x", "y"]) {
      ids.push((await put(tenant, { key: "k", value: payload(`"${agentId} 0"`), agentId })).id);
    }
    for (let i = 1; i < 8; i += 1) {
      const id = present(ids[i % 2]);
      await change(tenant, { id, value: payload(`${i}`), active: i % 3 > 0 }, "value", "active");
    }
    const { position: last } = await remove(tenant, present(ids[1]));
    const whole = await toldUpTo(watch(tenant, { agentId: "x", after: { position: 0n } }), last);
    expect(whole.length).toBeGreaterThan(4);
    for (let after = 1n; after < last; after += 1n) {
      const rest = await toldUpTo(watch(tenant, { agentId: "x", after: { position: after } }), last);
      expect(rest).toEqual(whole.filter((line) => BigInt(line.split(" ")[0] ?? 0) > after));
    }
  });

  test("refuses a position of another log or of the future", async () => {
    const tenant = newTenant(servers.app());
    await put(tenant, { key: "k" });
    const ended = async (request: object) => (await refusal(watch(tenant, request).next())).reason;
    expect(await ended({ after: { position: 9n } })).toBe("POSITION_IN_FUTURE");
    expect(await ended({ after: { position: -1n } })).toBe("INVALID_FIELD");
    expect(await ended({ after: { logId: randomUUID() } })).toBe("FOREIGN_CURSOR");
    expect(await ended({ prefixes: [""] })).toBe("INVALID_FIELD");
  });

  test("is of its tenant alone", async () => {
    const [tenant, stranger] = [newTenant(servers.app()), newTenant(servers.app())];
    await put(stranger, { key: "k", value: payload("1") });
    const { position } = await put(tenant, { key: "other" });
    expect(await toldUpTo(watch(tenant, { after: { position: 0n } }), position)).toEqual(["1 other=none"]);
    expect(await inForce(tenant)).toEqual(["other=undefined from TENANT"]);
  });
});
