import { create, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { AppendRequestSchema, AppendStreamRequestSchema, EventService } from "../gen/holdfast/v1/event_pb.js";
import { openWriter } from "./support/append-writer.js";
import { createTestDatabase } from "./support/create-test-database.js";
import { observation } from "./support/entries.js";
import { withConnection } from "./support/query.js";
import { refusal, refusalFromStatus, rejectionsByIndex } from "./support/refusal.js";
import { startServer } from "./support/start-server.js";
import { newTenant, present } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({}, {});
const { appendStream } = EventService.method;

describe("an append stream", () => {
  test("states its limits, then answers each batch in the order sent, whatever its number", async () => {
    const tenant = newTenant(servers.app());
    const writer = await openWriter(tenant);
    expect(writer.opened).toMatchObject({
      maxInFlightBatches: 16,
      maxInFlightBytes: 8n << 20n,
      maxEntriesPerBatch: 500,
      maxBytesPerEntry: 1n << 20n,
      maxBytesPerMessage: 4n << 20n,
    });
    const sequences = [5n, 3n, 3n, -1n, 0n, 1n << 62n];
    for (const sequence of sequences) writer.send(sequence, [observation(), observation()]);
    const answers = [];
    for (const _ of sequences) answers.push(await writer.answer());
    expect(answers.map((answer) => answer.sequence)).toEqual(sequences);
    const positions = answers.flatMap((a) => (a.outcome.case === "result" ? a.outcome.value.positions : []));
    expect(positions).toEqual(Array.from({ length: 12 }, (_, i) => BigInt(i + 1)));
    writer.stream.end();
    expect(await writer.stream.next()).toBeUndefined();
    expect((await writer.stream.status).code).toBe(status.OK);
  });

  test("that is half-closed answers what was sent before", async () => {
    const tenant = newTenant(servers.app());
    const writer = await openWriter(tenant);
    for (let i = 0n; i < 10n; i++) writer.send(i, [observation()]);
    writer.stream.end();
    for (let i = 0n; i < 10n; i++) expect((await writer.answer()).sequence).toBe(i);
    expect(await writer.stream.next()).toBeUndefined();
  });

  test("answers far more batches than may be in flight, sent without waiting", async () => {
    const tenant = newTenant(servers.app());
    const writer = await openWriter(tenant);
    const count = 200n;
    for (let i = 0n; i < count; i++) writer.send(i, [observation(), observation()]);
    writer.stream.end();
    for (let i = 0n; i < count; i++) {
      const { sequence, outcome } = await writer.answer();
      expect([sequence, outcome.case]).toEqual([i, "result"]);
    }
    expect(await expectSoundLog(servers.databaseUrl, tenant.id)).toBe(2n * count);
  });

  test("answers a bad batch with an error and goes on", async () => {
    const tenant = newTenant(servers.app());
    const writer = await openWriter(tenant);
    writer.send(1n, []);
    writer.send(
      2n,
      Array.from({ length: 501 }, () => observation({ id: "" })),
    );
    writer.send(3n, [observation(), observation({ id: "nonsense" })]);
    const [empty, long, mixed] = [await writer.answer(), await writer.answer(), await writer.answer()];
    expect(refusalFromStatus(empty.outcome.value as never)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_FIELD",
      fields: ["entries"],
    });
    expect(refusalFromStatus(long.outcome.value as never)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "LIMIT_EXCEEDED",
      metadata: { limit: "500", actual: "501" },
    });
    expect(mixed.outcome.case).toBe("result");
    if (mixed.outcome.case !== "result") return;
    expect(mixed.outcome.value.positions).toEqual([1n, 0n]);
    expect(rejectionsByIndex(mixed.outcome.value.rejections).get(1)?.fields).toEqual([
      "entries[1].observation.id",
    ]);
  });

  test("recognises what another stream, a unary call or another server stored", async () => {
    const tenant = newTenant(servers.app());
    const entries = [observation(), observation()];
    const { positions } = await tenant.append(...entries);
    for (const writer of [await openWriter(tenant), await openWriter(tenant.on(servers.app(1)))]) {
      const again = await writer.append(1n, ...entries, observation());
      expect(again.positions.slice(0, 2)).toEqual(positions);
      expect(again.duplicates).toEqual([0, 1]);
    }
  });

  test.each([
    ["a batch before it is opened", { request: { case: "batch", value: { entries: [] } } }],
    ["nothing in particular", {}],
  ])("that begins with %s is refused", async (_, message) => {
    const stream = newTenant(servers.app()).rpc.duplex(appendStream);
    stream.write(message as never);
    expect(await refusal(stream.next())).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "OUT_OF_SEQUENCE",
    });
  });

  test("that is half-closed at once ends well", async () => {
    const stream = newTenant(servers.app()).rpc.duplex(appendStream);
    stream.end();
    expect(await stream.next()).toBeUndefined();
    expect((await stream.status).code).toBe(status.OK);
  });

  test.each([
    ["opened twice", { request: { case: "open", value: {} } }],
    ["sent a message without a meaning", {}],
  ])("that is %s answers the batches before, then ends", async (_, message) => {
    const writer = await openWriter(newTenant(servers.app()));
    writer.send(1n, [observation()]);
    writer.stream.write(message);
    expect((await writer.answer()).sequence).toBe(1n);
    expect(await refusal(writer.stream.next())).toMatchObject({ reason: "OUT_OF_SEQUENCE" });
  });

  test("that is sent garbage answers the batches before, then ends", async () => {
    const writer = await openWriter(newTenant(servers.app()));
    writer.send(1n, [observation()]);
    writer.stream.writeBytes(Buffer.from("garbage"));
    expect((await writer.answer()).sequence).toBe(1n);
    expect(await refusal(writer.stream.next())).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "MALFORMED_MESSAGE",
    });
  });

  test("that is sent too large a message ends, and says how large one may be", async () => {
    const writer = await openWriter(newTenant(servers.app()));
    writer.stream.writeBytes(new Uint8Array((4 << 20) + 1));
    const refused = await refusal(writer.stream.next());
    expect(refused).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "LIMIT_EXCEEDED" });
    expect(refused.message).toContain(String(4 << 20));
  });

  test("that is cancelled leaves the log sound, and others undisturbed", async () => {
    const tenant = newTenant(servers.app());
    const entries = Array.from({ length: 20 }, () => Array.from({ length: 10 }, () => observation()));
    const writer = await openWriter(tenant);
    for (const [i, batch] of entries.entries()) writer.send(BigInt(i), batch);
    await writer.answer();
    writer.stream.cancel();
    const other = await openWriter(tenant);
    for (const [i, batch] of entries.entries()) {
      const { positions, rejections } = await other.append(BigInt(i), ...batch);
      expect(rejections).toEqual([]);
      expect(positions.every((position) => position > 0n)).toBe(true);
    }
    expect(await expectSoundLog(servers.databaseUrl, tenant.id)).toBe(200n);
  });
});

describe("a unary append", () => {
  test("of bytes that are no message is refused", async () => {
    const { rpc } = newTenant(servers.app());
    const answer = rpc.unaryBytes(EventService.method.append, Buffer.from("garbage"));
    expect(await refusal(answer)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "MALFORMED_MESSAGE",
    });
  });

  test("of invalid UTF-8 in a text is refused", async () => {
    const { rpc } = newTenant(servers.app());
    const bytes = toBinary(
      AppendRequestSchema,
      create(AppendRequestSchema, { entries: [observation({ content: "~~~~" })] }),
    );
    bytes[Buffer.from(bytes).indexOf("~~~~")] = 0xff;
    expect((await refusal(rpc.unaryBytes(EventService.method.append, bytes))).reason).toBe(
      "MALFORMED_MESSAGE",
    );
  });

  test("of a stream's message, which means something else, never stores anything odd", async () => {
    const tenant = newTenant(servers.app());
    const message = create(AppendStreamRequestSchema, {
      request: { case: "open", value: { clientName: "x" } },
    });
    const answer = tenant.rpc.unaryBytes(
      EventService.method.append,
      toBinary(AppendStreamRequestSchema, message),
    );
    expect((await refusal(answer)).code).toBe(status.INVALID_ARGUMENT);
    expect(await tenant.listAll()).toEqual([]);
  });
});

describe("a server that is full", () => {
  test("refuses unary calls as OVERLOADED, slows streams, and takes everything once it can", async () => {
    const database = await createTestDatabase();
    const app = await startServer(database.url, {
      maxWaitingEntries: 10,
      drainTimeoutMs: 1000,
      logLevel: "silent",
    });
    try {
      const tenant = newTenant(app);
      await tenant.append(observation());
      const writers = [await openWriter(tenant), await openWriter(tenant), await openWriter(tenant)];
      const batch = () => Array.from({ length: 4 }, () => observation());
      const unary = await withConnection(database.url, async (client) => {
        // Whoever holds this row holds up every flush of the tenant.
        await client.query("BEGIN");
        await client.query("SELECT FROM holdfast.tenant_logs FOR UPDATE");
        for (const writer of writers) for (let i = 0n; i < 8n; i++) writer.send(i, batch());
        const answers = Array.from({ length: 8 }, () =>
          tenant.append(...batch()).then(
            () => undefined,
            (error) => refusal(Promise.reject(error)),
          ),
        );
        // Some have to be refused before any can be stored.
        await Promise.any(answers.map(async (answer) => present(await answer)));
        await client.query("COMMIT");
        return Promise.all(answers);
      });
      const refused = unary.filter((answer) => answer !== undefined);
      for (const each of refused) {
        expect(each).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "OVERLOADED", mayRetry: true });
      }
      for (const writer of writers) {
        for (let i = 0n; i < 8n; i++) {
          const { sequence, outcome } = await writer.answer();
          expect([sequence, outcome.case]).toEqual([i, "result"]);
        }
      }
      const stored = 1 + 3 * 8 * 4 + (8 - refused.length) * 4;
      expect(await expectSoundLog(database.url, tenant.id)).toBe(BigInt(stored));
    } finally {
      await app.close();
      await database.close();
    }
  });
});

describe("a server that drains", () => {
  test("tells its streams, answers what they sent, and refuses nothing it was sent before", async () => {
    const database = await createTestDatabase();
    const app = await startServer(database.url, { logLevel: "silent" });
    try {
      const tenant = newTenant(app);
      const writer = await openWriter(tenant);
      await writer.append(1n, observation());
      const closing = app.close();
      expect(present(await writer.stream.next()).response.case).toBe("drain");
      for (let i = 2n; i < 6n; i++) writer.send(i, [observation()]);
      writer.stream.end();
      for (let i = 2n; i < 6n; i++) expect((await writer.answer()).sequence).toBe(i);
      expect(await writer.stream.next()).toBeUndefined();
      await closing;
      expect(await expectSoundLog(database.url, tenant.id)).toBe(5n);
    } finally {
      await app.close();
      await database.close();
    }
  });
});
