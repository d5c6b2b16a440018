import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, timestampDate } from "@bufbuild/protobuf/wkt";
import { Metadata, type ServerUnaryCall } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";
import { GetLogHeadResponseSchema } from "../../../gen/holdfast/v1/admin_pb.js";
import { AppendResponseSchema, ListEventsResponseSchema } from "../../../gen/holdfast/v1/event_pb.js";
import {
  CloseSessionResponseSchema,
  GetSessionResponseSchema,
  ListSessionsResponseSchema,
  OpenSessionResponseSchema,
  SessionStatus,
  type UpdateSessionRequest,
  UpdateSessionResponseSchema,
} from "../../../gen/holdfast/v1/session_pb.js";
import { connect as connectTo } from "./connect.js";
import { HoldfastError } from "./holdfast-error.js";
import { MemoryLog } from "./testing/memory-log.js";
import { until } from "./testing/until.js";
import { useServers } from "./testing/use-servers.js";

const { serve, connect } = useServers();

/** Trailers as Holdfast sends them. */
function trailers(code: number, ...details: Any[]): Metadata {
  const metadata = new Metadata();
  const status = create(StatusSchema, { code, message: "m", details });
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  return metadata;
}

describe("errors", () => {
  test("carry reason, every violated field, facts, the wait and the request id", async () => {
    const info = { reason: "REVISION_MISMATCH", domain: "holdfast", metadata: { current_revision: "7" } };
    const metadata = trailers(
      10,
      anyPack(ErrorInfoSchema, create(ErrorInfoSchema, info)),
      anyPack(
        BadRequestSchema,
        create(BadRequestSchema, { fieldViolations: [{ field: "f", description: "d" }] }),
      ),
      anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 500_000_000 } })),
      anyPack(RequestInfoSchema, create(RequestInfoSchema, { requestId: "r-1" })),
    );
    const server = await serve({
      getSession: (_call, answer) => answer({ code: 10, details: "stale", metadata }),
    });
    const error = await connect(server).sessions.get("x").catch(HoldfastError.from);
    expect(error).toBeInstanceOf(HoldfastError);
    expect(error).toMatchObject({
      code: "ABORTED",
      reason: "REVISION_MISMATCH",
      message: "stale",
      violations: [{ field: "f", description: "d" }],
      metadata: { current_revision: "7" },
      retryAfterMs: 1500,
      requestId: "r-1",
      retryable: false,
    });
  });

  test("without details, with damaged ones or with another domain's still carry the code", async () => {
    const damaged = new Metadata();
    damaged.set("grpc-status-details-bin", Buffer.from([255, 255]));
    const foreign = trailers(
      5,
      anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "X", domain: "y" })),
    );
    for (const metadata of [new Metadata(), damaged, foreign]) {
      const server = await serve({
        getSession: (_call, answer) => answer({ code: 5, details: "gone", metadata }),
      });
      await expect(connect(server).sessions.get("x")).rejects.toMatchObject({
        code: "NOT_FOUND",
        reason: "NOT_FOUND",
        message: "gone",
      });
    }
  });

  test("anything thrown becomes one", () => {
    const same = new HoldfastError("m", { code: "ABORTED" });
    expect(HoldfastError.from(same)).toBe(same);
    expect(HoldfastError.from("text")).toMatchObject({
      code: "UNKNOWN",
      message: "text",
      reason: "UNSPECIFIED",
    });
    expect(HoldfastError.from(new DOMException("x", "AbortError"))).toMatchObject({ code: "CANCELLED" });
  });
});

describe("a unary call", () => {
  test("is retried while the server is unavailable, with the same ids", async () => {
    const ids: string[] = [];
    const server = await serve({
      openSession: (call, answer) => {
        ids.push(call.request.session?.id ?? "");
        if (ids.length < 3) answer({ code: 14, details: "restarting" });
        else answer(null, create(OpenSessionResponseSchema, { session: { id: ids[0] as string } }));
      },
    });
    const session = await connect(server).sessions.open({ type: "chat", startTime: new Date(1500) });
    expect(ids).toEqual([session.id, session.id, session.id]);
    expect(session.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test("waits as long as an overloaded server asks, and gives up when that is past the deadline", async () => {
    let calls = 0;
    const overloaded = anyPack(
      ErrorInfoSchema,
      create(ErrorInfoSchema, { reason: "OVERLOADED", domain: "holdfast" }),
    );
    const server = await serve({
      getLogHead: (_call, answer) => {
        const wait = anyPack(
          RetryInfoSchema,
          create(RetryInfoSchema, { retryDelay: { seconds: calls++ > 0 ? 60n : 0n, nanos: 30_000_000 } }),
        );
        answer({ code: 8, details: "busy", metadata: trailers(8, overloaded, wait) });
      },
    });
    const started = Date.now();
    await expect(connect(server).admin.getLogHead()).rejects.toMatchObject({ reason: "OVERLOADED" });
    expect(calls).toBe(2);
    expect(Date.now() - started).toBeGreaterThanOrEqual(29);
  });

  test("is not retried for a refusal", async () => {
    let calls = 0;
    const server = await serve({
      openSession: (_call, answer) => {
        calls++;
        answer({ code: 13, details: "a defect" });
      },
    });
    await expect(connect(server).sessions.open()).rejects.toMatchObject({ code: "INTERNAL" });
    expect(calls).toBe(1);
  });

  test("ends at its deadline, at its signal, and without a server", async () => {
    let arrived = 0;
    let cancelled = 0;
    const server = await serve({
      getLogHead: (call) => {
        arrived++;
        call.on("cancelled", () => cancelled++);
      },
    });
    const client = connect(server);
    // As long as it takes until a call is there before its deadline.
    for (let deadlineMs = 100; arrived === 0; deadlineMs *= 4) {
      await expect(client.admin.getLogHead({ deadlineMs })).rejects.toMatchObject({
        code: "DEADLINE_EXCEEDED",
      });
    }
    await until(() => cancelled === arrived);
    const caller = new AbortController();
    const { signal } = caller;
    const left = expect(client.admin.getLogHead({ signal })).rejects.toMatchObject({ code: "CANCELLED" });
    const before = arrived;
    await until(() => arrived > before);
    caller.abort();
    await left;
    await until(() => cancelled === arrived);
    await expect(client.admin.getLogHead({ signal })).rejects.toMatchObject({ code: "CANCELLED" });
    const nobody = connect({ address: "127.0.0.1:1" }, { deadlineMs: 2000 });
    await expect(nobody.admin.getLogHead()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("carries token, tenant and metadata, asked anew each time", async () => {
    const seen: unknown[] = [];
    const server = await serve({
      getLogHead: (call, answer) => {
        const { authorization, ...rest } = call.metadata.getMap();
        seen.push([authorization, rest["holdfast-tenant"], rest.one, rest.two]);
        answer(null, create(GetLogHeadResponseSchema, { position: 3n }));
      },
    });
    let token = 0;
    const client = connect(server, {
      token: async () => `t${++token}`,
      tenantId: "tenant",
      metadata: { one: "1" },
    });
    expect((await client.admin.getLogHead()).position).toBe(3n);
    await client.admin.getLogHead({ metadata: { two: "2" } });
    expect(seen).toEqual([
      ["Bearer t1", "tenant", "1", undefined],
      ["Bearer t2", "tenant", "1", "2"],
    ]);
  });

  test("credentials do not go over plaintext to another machine unasked", async () => {
    expect(() => connectTo({ address: "holdfast.example:4650", token: "t" })).toThrow("need tls");
    await connectTo({
      address: "holdfast.example:4650",
      token: "t",
      allowPlaintextCredentials: true,
    }).close();
    await connectTo({ address: "holdfast.example:4650", token: "t", tls: true }).close();
    await connectTo({ address: "localhost:4650", token: "t" }).close();
    await connectTo({ address: "[::1]:4650", token: "t" }).close();
  });
});

describe("sessions and events", () => {
  test("an update names the fields given, clears those given as null, and leaves the rest", async () => {
    const requests: UpdateSessionRequest[] = [];
    const server = await serve({
      updateSession: (call: ServerUnaryCall<UpdateSessionRequest, unknown>, answer) => {
        requests.push(call.request);
        answer(null, create(UpdateSessionResponseSchema, { session: {} }));
      },
    });
    const { sessions } = connect(server);
    await sessions.update(
      "s",
      { type: "x", successRate: 0, agentId: null, labels: undefined },
      { expectedRevision: 2n },
    );
    expect(requests[0]).toMatchObject({
      session: { id: "s", type: "x", successRate: 0 },
      expectedRevision: 2n,
    });
    expect(requests[0]?.updateMask?.paths).toEqual(["type", "success_rate", "agent_id"]);
    expect(requests[0]?.requestId).toMatch(/-7...-/);
    await expect(sessions.update("s", { nonsense: 1 } as object)).rejects.toMatchObject({
      reason: "INVALID_FIELD",
    });
  });

  test("get takes either key, close says how it ended", async () => {
    const seen: unknown[] = [];
    const server = await serve({
      getSession: (call, answer) => {
        seen.push([call.request.key.case, call.request.key.value, call.request.minPosition]);
        answer(null, create(GetSessionResponseSchema, { session: { id: "s", startTime: { seconds: 1n } } }));
      },
      closeSession: (call, answer) => {
        seen.push([
          call.request.id,
          call.request.status,
          call.request.endTime && timestampDate(call.request.endTime),
        ]);
        answer(null, create(CloseSessionResponseSchema, { session: { id: "s" } }));
      },
    });
    const { sessions } = connect(server);
    await sessions.get("s", { minPosition: 5n });
    await sessions.get({ externalId: "e" });
    await sessions.close("s", { status: SessionStatus.FAILED, endTime: new Date(-1) });
    expect(seen).toEqual([
      ["id", "s", 5n],
      ["externalId", "e", 0n],
      ["s", SessionStatus.FAILED, new Date(-1)],
    ]);
  });

  test("lists run through all pages and fetch the next only when it is needed", async () => {
    const tokens: string[] = [];
    const server = await serve({
      listSessions: (call, answer) => {
        tokens.push(call.request.pageToken);
        const nextPageToken = tokens.length < 3 ? `t${tokens.length}` : "";
        const sessions = [{ id: `${tokens.length}a` }, { id: `${tokens.length}b` }];
        answer(null, create(ListSessionsResponseSchema, { sessions, nextPageToken }));
      },
      listEvents: (call, answer) => {
        const { pageSize, after, filter } = call.request;
        expect([pageSize, after?.position, filter?.agentIds]).toEqual([2, 4n, ["a"]]);
        answer(
          null,
          create(ListEventsResponseSchema, {
            events: [{ position: 5n }],
            lastPosition: 5n,
            cursor: { position: 5n, logId: "l" },
          }),
        );
      },
    });
    const client = connect(server);
    const ids: string[] = [];
    for await (const session of client.sessions.list({ agentIds: ["a"] })) {
      ids.push(session.id);
      if (session.id === "1b") expect(tokens.length).toBe(1);
    }
    expect(ids).toEqual(["1a", "1b", "2a", "2b", "3a", "3b"]);
    expect(tokens).toEqual(["", "t1", "t2"]);
    const page = await client.events.page({ after: 4n, agentIds: ["a"] }, { pageSize: 2 });
    expect(page).toMatchObject({
      nextPageToken: undefined,
      lastPosition: 5n,
      cursor: { position: 5n, logId: "l" },
    });
  });

  test("append answers entry by entry, ids made where there were none", async () => {
    const log = new MemoryLog();
    const server = await serve({
      append: (call, answer) =>
        answer(null, create(AppendResponseSchema, { result: log.append(call.request.entries) })),
    });
    const outcomes = await connect(server).events.append([
      { case: "observation", value: { id: "a", type: "x" } },
      { case: "observation", value: { id: "b", type: "bad" } },
      { case: "startAction", value: { actionId: "q" } },
      { case: "observation", value: { id: "a", type: "x" } },
    ]);
    expect(outcomes).toMatchObject([
      { id: "a", position: 1n, duplicate: false },
      { id: "b", error: { code: "INVALID_ARGUMENT", message: "bad by its type" } },
      { id: log.ids[1], position: 2n },
      { id: "a", position: 1n, duplicate: true },
    ]);
  });
});
