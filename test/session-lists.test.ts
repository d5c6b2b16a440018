import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type ListSessionsRequestSchema,
  type Session,
  SessionService,
  SessionStatus,
} from "../gen/holdfast/v1/session_pb.js";
import { refusal, refusals } from "./support/refusal.js";
import { RpcClient } from "./support/rpc-client.js";
import { newTenant, present, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const { listSessions, openSession, closeSession } = SessionService.method;
const servers = useServers({});

type ListRequest = MessageInitShape<typeof ListSessionsRequestSchema>;

async function list(tenant: Tenant, request: ListRequest = {}): Promise<Session[]> {
  return (await tenant.rpc.unary(listSessions, request)).sessions;
}

describe("a list of sessions", () => {
  const id = randomUUID();
  let opened: Session[] = [];
  beforeAll(async () => {
    const rpc = new RpcClient(servers.app().grpc, { tenant: id });
    for (let i = 0; i < 12; i++) {
      const session = {
        agentId: `agent-${i % 2}`,
        type: i % 3 === 0 ? "research" : "coding",
        labels: { parity: String(i % 2), step: String(i) },
      };
      opened.push(present((await rpc.unary(openSession, { session })).session));
    }
    const failing = present(opened[4]);
    const failed = await rpc.unary(closeSession, { id: failing.id, status: SessionStatus.FAILED });
    opened[4] = present(failed.session);
    opened = opened.reverse();
    rpc.close();
  });

  test("holds each, newest first, as getting it does", async () => {
    const sessions = await list(newTenant(servers.app(), id));
    expect(sessions).toEqual(opened);
  });

  test.each([
    ["an agent", { agentIds: ["agent-1"] }, (s: Session) => s.agentId === "agent-1"],
    ["a type", { types: ["research"] }, (s: Session) => s.type === "research"],
    ["statuses", { statuses: [SessionStatus.FAILED] }, (s: Session) => s.status === SessionStatus.FAILED],
    ["all of several labels", { labels: { parity: "0", step: "6" } }, (s: Session) => s.labels.step === "6"],
    ["a label nobody has", { labels: { parity: "2" } }, () => false],
    [
      "several conditions",
      { agentIds: ["agent-0"], types: ["coding"], statuses: [SessionStatus.ACTIVE] },
      (s: Session) => s.agentId === "agent-0" && s.type === "coding" && s.status === SessionStatus.ACTIVE,
    ],
  ])("holds what matches %s", async (_, filter, matches) => {
    expect(await list(newTenant(servers.app(), id), { filter })).toEqual(opened.filter(matches));
  });

  test("is bounded by times, the first included and the second not", async () => {
    const [from, before] = [present(opened[7]), present(opened[2])];
    const filter = { createTimeFrom: from.createTime as never, createTimeBefore: before.createTime as never };
    expect(await list(newTenant(servers.app(), id), { filter })).toEqual(opened.slice(3, 8));
  });

  test("comes in pages of any size that together are the list", async () => {
    const tenant = newTenant(servers.app(), id);
    for (const pageSize of [1, 5, 12, 1000, 2_000_000_000]) {
      const sessions: Session[] = [];
      let pageToken = "";
      do {
        const page = await tenant.rpc.unary(listSessions, { pageSize, pageToken });
        expect(page.sessions.length).toBeLessThanOrEqual(pageSize);
        sessions.push(...page.sessions);
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(sessions).toEqual(opened);
    }
  });

  test("refuses a page token of another filter, another tenant or nobody", async () => {
    const tenant = newTenant(servers.app(), id);
    const { nextPageToken } = await tenant.rpc.unary(listSessions, { pageSize: 2 });
    expect(nextPageToken).not.toBe("");
    const refused: Promise<unknown>[] = [
      list(tenant, { pageToken: nextPageToken, filter: { types: ["coding"] } }),
      list(newTenant(servers.app()), { pageToken: nextPageToken }),
      ...["x", "💥", "AAAA", nextPageToken.slice(1), `${nextPageToken}AA`, "\0", "a".repeat(10_000)].map(
        (pageToken) => list(tenant, { pageToken }),
      ),
    ];
    for (const each of await refusals(refused)) {
      expect(each).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: "INVALID_PAGE_TOKEN",
        fields: ["page_token"],
      });
    }
  });

  test("refuses a negative page size", async () => {
    const tenant = newTenant(servers.app(), id);
    for (const pageSize of [-1, -5, -2_147_483_648]) {
      expect(await refusal(list(tenant, { pageSize }))).toMatchObject({
        code: status.INVALID_ARGUMENT,
        fields: ["page_size"],
      });
    }
  });

  test("names every part of a filter that is wrong", async () => {
    const tenant = newTenant(servers.app(), id);
    const filter = {
      agentIds: ["a\0"],
      types: ["t\0"],
      statuses: [SessionStatus.UNSPECIFIED, 99 as SessionStatus],
      labels: { "k\0": "v\0" },
      createTimeFrom: { seconds: 1n << 60n },
      createTimeBefore: { seconds: 0n, nanos: -1 },
    };
    expect(await refusal(list(tenant, { filter }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_FIELD",
      fields: [
        "filter.agent_ids[0]",
        "filter.create_time_before",
        "filter.create_time_from",
        "filter.labels",
        "filter.statuses[0]",
        "filter.statuses[1]",
        "filter.types[0]",
      ],
    });
  });

  test("of large sessions comes in pages that fit into a message", async () => {
    const tenant = newTenant(servers.app());
    const metadata = { data: Buffer.alloc(900_000, "x"), contentType: "text/plain" };
    for (let i = 0; i < 6; i++) await tenant.open({ metadata });
    const sessions: Session[] = [];
    let pageToken = "";
    do {
      const page = await tenant.rpc.unary(listSessions, { pageToken });
      sessions.push(...page.sessions);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(sessions).toHaveLength(6);
  });
});

describe("paging through a list", () => {
  test("to the end while sessions are opened misses and repeats none that were there", async () => {
    const tenant = newTenant(servers.app());
    const before = await Promise.all(Array.from({ length: 40 }, () => tenant.open()));
    const seen: string[] = [];
    let pageToken = "";
    let more: Promise<unknown> = Promise.resolve();
    do {
      const page = await tenant.rpc.unary(listSessions, { pageSize: 7, pageToken });
      seen.push(...page.sessions.map((session) => session.id));
      pageToken = page.nextPageToken;
      more = Promise.all([more, tenant.open(), tenant.open()]);
      if (seen.length % 14 === 0) await more;
    } while (pageToken !== "");
    await more;
    expect(new Set(seen).size).toBe(seen.length);
    for (const { id } of before) expect(seen).toContain(id);
  });
});
