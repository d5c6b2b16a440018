import { setTimeout as delay } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import pino from "pino";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { alterConnections } from "../chaos/server/alter-connections.js";
import { ErrorReason } from "../gen/holdfast/v1/error_pb.js";
import { EntrySchema } from "../gen/holdfast/v1/event_pb.js";
import { SessionSchema, SessionStatus } from "../gen/holdfast/v1/session_pb.js";
import { readConfig } from "../src/config.js";
import { HoldfastError } from "../src/core/errors.js";
import { uuidV7 } from "../src/core/uuid.js";
import { createCodecs } from "../src/entities/codecs.js";
import type { FieldBag } from "../src/entities/field-codec.js";
import { entities } from "../src/entities/registry.js";
import { session as sessionEntity } from "../src/entities/session.js";
import { Appender } from "../src/service/appender.js";
import { createEntryPreparer } from "../src/service/prepare-entry.js";
import type { EntryOutcome, PreparedEntry, StoredEntry } from "../src/service/prepared-entry.js";
import { createRules } from "../src/service/rules.js";
import type { Commit } from "../src/service/write-flush.js";
import { appendStatement, type Flush, type Turn } from "../src/store/append.js";
import type { CommittedChange } from "../src/store/committed-change.js";
import { type Database, openDatabase, type Statement } from "../src/store/database.js";
import { NOT_IN_TURN } from "../src/store/routines/log-routines.js";
import { databaseError, UNIQUE_VIOLATION } from "../src/store/sqlstate.js";
import { WorkerPool } from "../src/workers/worker-pool.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { durableLog } from "./support/durable-log.js";
import { query } from "./support/query.js";
import { expectSoundLog } from "./support/verify-log.js";

const logger = pino({ level: "silent" });
// Nothing here needs validation, so no thread is started.
const rules = createRules(readConfig({}), new WorkerPool(readConfig({}), new Registry()));
const codecs = createCodecs(entities);
const preparer = createEntryPreparer(codecs, { maxBytesPerEntry: 1 << 20, maxEntriesPerBatch: 500 });
const sessions = codecs.of(sessionEntity);

let testDatabase: TestDatabase;
const databases: Database[] = [];
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  for (let i = 0; i < 2; i++) {
    const settings = { maxConnections: 4, connectTimeoutMs: 5000, statementTimeoutMs: 10_000 };
    const url = testDatabase.url;
    databases.push(openDatabase({ url, preparedStatements: true, ...settings }, logger));
  }
});
afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await testDatabase.close();
});

const database = (i: number) => databases[i] as Database;

describe("a flush sent behind another on the same connection", () => {
  const statement = (tenantId: string, turn: Turn, entries = [observe({ id: uuidV7() })]): Statement => {
    const placed = entries.map(({ row, contentHash }, offset) => ({ offset, row, contentHash }));
    const flush: Flush = {
      tenantId,
      count: entries.length,
      contentHashes: placed.map(({ contentHash }) => contentHash),
      appended: new Map([[(entries[0] as Observed).codec, placed]]),
      changed: new Map(),
      activeSessions: [],
    };
    return appendStatement(flush, turn);
  };
  const codeOf = (sent: Promise<unknown>) =>
    sent.then(
      () => "stored",
      (error) => databaseError(error)?.code,
    );

  test("is stored once the other is", async () => {
    const [tenantId, a, b, c] = [uuidV7(), uuidV7(), uuidV7(), uuidV7()];
    const lane = database(0).lane();
    const sent = [
      lane.run(statement(tenantId, { turn: a, after: null })),
      lane.run(statement(tenantId, { turn: b, after: a })),
      lane.run(statement(tenantId, { turn: c, after: b })),
    ];
    expect(await Promise.all(sent.map(codeOf))).toEqual(["stored", "stored", "stored"]);
    lane.release();
    expect(await expectSoundLog(testDatabase.url, tenantId)).toBe(3n);
  });

  test("is not stored if the other is refused, nor is what comes after it", async () => {
    const [tenantId, a, b, c] = [uuidV7(), uuidV7(), uuidV7(), uuidV7()];
    const lane = database(0).lane();
    const twice = observe({ id: uuidV7() });
    await lane.run(statement(tenantId, { turn: uuidV7(), after: null }, [twice]));
    const sent = [
      lane.run(statement(tenantId, { turn: a, after: null }, [twice])),
      lane.run(statement(tenantId, { turn: b, after: a })),
      lane.run(statement(tenantId, { turn: c, after: b })),
    ];
    expect(await Promise.all(sent.map(codeOf))).toEqual([UNIQUE_VIOLATION, NOT_IN_TURN, NOT_IN_TURN]);
    lane.release();
    expect(await expectSoundLog(testDatabase.url, tenantId)).toBe(1n);
  });

  test("is not stored when it comes to another session than the other did", async () => {
    const [tenantId, a] = [uuidV7(), uuidV7()];
    await database(0).run(statement(tenantId, { turn: a, after: null }));
    expect(await codeOf(database(1).run(statement(tenantId, { turn: uuidV7(), after: a })))).toBe(
      NOT_IN_TURN,
    );
  });

  test("is not stored if the other was rolled back with its transaction", async () => {
    const [tenantId, a] = [uuidV7(), uuidV7()];
    const lane = database(0).lane();
    await lane.withConnection(async (run) => {
      await run("BEGIN");
      await run(statement(tenantId, { turn: a, after: null }));
      await run("ROLLBACK");
    });
    expect(await codeOf(lane.run(statement(tenantId, { turn: uuidV7(), after: a })))).toBe(NOT_IN_TURN);
    lane.release();
  });
});

type Observed = PreparedEntry & { readonly verb: "append" };

function observe(value: { id: string; sessionId?: string; content?: string }): Observed {
  const message = create(EntrySchema, { entry: { case: "observation", value } });
  return preparer.entry(message, "") as Observed;
}

/** What became of the flushes that were sent behind another. */
interface Behind {
  stored: number;
  notInTurn: number;
  lost: number;
}

/** The database, counting what becomes of flushes sent behind others, and telling when one is sent. */
function watched(inner: Database, behind: Behind, onSent: () => void): Database {
  return alterConnections(inner, (connections) => ({
    run(statement) {
      const isBehind = typeof statement.values?.[5] === "string";
      const answer = connections.run(statement);
      if (isBehind) {
        onSent();
        answer.then(
          () => (behind.stored += 1),
          (error) => {
            if (databaseError(error)?.code === NOT_IN_TURN) behind.notInTurn += 1;
            else behind.lost += 1;
          },
        );
      }
      return answer as never;
    },
  }));
}

const KINDS = [
  ...(["new", "new", "new", "new", "new", "new", "in session"] as const),
  ...(["resent", "of another", "conflicting"] as const),
];
const plans = fc.array(
  fc.record({
    server: fc.nat(1),
    batches: fc.array(
      fc.record({ size: fc.integer({ min: 20, max: 160 }), odd: fc.constantFrom(...KINDS) }),
      { minLength: 8, maxLength: 20 },
    ),
  }),
  { minLength: 3, maxLength: 5 },
);

interface Script {
  readonly server: number;
  readonly batches: readonly (readonly Observed[])[];
}

/** What each writer sends; one entry in the middle of each batch is of the batch's odd kind. */
function scripts(plan: typeof plans extends fc.Arbitrary<infer P> ? P : never, sessionId: string): Script[] {
  const all: Observed[] = [];
  return plan.map(({ server, batches }) => {
    const own: Observed[] = [];
    const pick = (list: readonly Observed[]) => list[Math.floor(list.length / 2)];
    return {
      server,
      batches: batches.map(({ size, odd }) =>
        Array.from({ length: size }, (_, i): Observed => {
          const fresh = { id: uuidV7(), content: `${own.length}` };
          const earlier = pick(odd === "of another" ? all : own);
          let entry = observe(fresh);
          if (i === Math.floor(size / 2) && odd !== "new") {
            if (odd === "in session") entry = observe({ ...fresh, sessionId });
            else if (earlier && odd === "conflicting") entry = observe({ ...fresh, id: earlier.id });
            else if (earlier) entry = earlier;
          }
          own.push(entry);
          all.push(entry);
          return entry;
        }),
      ),
    };
  });
}

/** Sends batches without waiting for answers, and all from the first that failed on again, as a client does. */
async function write(
  appender: Appender,
  tenantId: string,
  batches: Script["batches"],
): Promise<readonly (readonly EntryOutcome[])[]> {
  const answered: (readonly EntryOutcome[])[] = [];
  while (answered.length < batches.length) {
    const rest = batches.slice(answered.length);
    const sent = rest.map(async (entries, i) => {
      // Some arrive together, some while others are on their way.
      if (i % 3 === 2) await delay(1);
      return entries;
    });
    const answers: Promise<readonly EntryOutcome[]>[] = [];
    for (const entries of sent)
      answers.push(appender.append(tenantId, await entries, { isAdmitted: true, isDivisible: true }));
    const settled = await Promise.allSettled(answers);
    const failed = settled.findIndex(({ status }) => status === "rejected");
    for (const each of settled.slice(failed < 0 ? settled.length : failed)) {
      // Had a later one been stored, the client would not send it again behind the one that failed.
      expect(each).toMatchObject({
        status: "rejected",
        reason: { reason: ErrorReason.DATABASE_UNAVAILABLE },
      });
    }
    for (const each of settled) if (each.status === "fulfilled") answered.push(each.value);
  }
  return answered;
}

test("flushes of two servers that overlap keep every order, whatever is refused and whoever is killed", async () => {
  const behind: Behind = { stored: 0, notInTurn: 0, lost: 0 };
  const random = { kill: 0 };
  const terminate = () =>
    query(
      testDatabase.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'holdfast' AND state = 'active'`,
    );
  let killing: Promise<unknown> = Promise.resolve();
  const onSent = () => {
    random.kill += 1;
    if (random.kill % 23 === 0) killing = Promise.all([killing, terminate()]);
  };
  await fc.assert(
    fc.asyncProperty(plans, fc.nat(200), async (plan, closeAfterMs) => {
      const tenantId = uuidV7();
      const told: CommittedChange[][] = [[], []];
      const appenders = [0, 1].map((i) => {
        const limits = {
          maxFlushBytes: 1e7,
          maxFlushEntries: 300,
          maxWaitingBytes: 1e9,
          maxWaitingEntries: 1e6,
        };
        const onCommit = (_: string, { changes }: Commit) => told[i]?.push(...changes());
        const context = {
          database: watched(database(i), behind, onSent),
          sessionCodec: sessions,
          rules,
          logger,
          durable: durableLog(testDatabase.url),
          onCommit,
        };
        return new Appender(context, limits);
      });
      const session = create(SessionSchema, { id: uuidV7() }) as unknown as FieldBag;
      const sessionId = session.id as string;
      await (appenders[0] as Appender).append(tenantId, [preparer.create(sessions, session, "")]);
      const written = scripts(plan, sessionId);
      const closing = delay(closeAfterMs).then(async () => {
        const close = preparer.patch({
          codec: sessions,
          id: sessionId,
          requestId: uuidV7(),
          schema: SessionSchema,
          request: session as never,
          fields: { status: SessionStatus.COMPLETED },
          path: "",
          idField: "id",
        });
        await write(appenders[1] as Appender, tenantId, [[close as never]]);
      });
      const answers = await Promise.all(
        written.map(({ server, batches }) => write(appenders[server] as Appender, tenantId, batches)),
      );
      await closing;
      await killing;
      await Promise.all(appenders.map((appender) => appender.close()));

      const firstPositions = new Map<string, bigint>();
      for (const [w, { batches }] of written.entries()) {
        let before = 0n;
        for (const [b, entries] of batches.entries()) {
          for (const [e, entry] of entries.entries()) {
            const outcome = answers[w]?.[b]?.[e] as EntryOutcome;
            if (outcome instanceof HoldfastError) {
              expect(["ID_CONFLICT", "SESSION_CLOSED"]).toContain(ErrorReason[outcome.reason]);
              continue;
            }
            const { position, id } = outcome as StoredEntry;
            expect(id).toBe(entry.id);
            expect(firstPositions.get(id) ?? position).toBe(position);
            const isFirst = !firstPositions.has(id) || outcome.duplicate === false;
            firstPositions.set(id, position);
            // What was stored before, by this writer or another, stands where it stood.
            const sentBefore = written.some(({ batches: others }, o) =>
              others.some((list, l) => list.includes(entry) && (o !== w || l < b)),
            );
            if (!isFirst || sentBefore) continue;
            expect(position, `entry ${e} of batch ${b}`).toBeGreaterThan(before);
            before = position;
          }
        }
      }
      const rows = await query<{ id: string; position: bigint }>(
        testDatabase.url,
        `SELECT id, position FROM holdfast.observations WHERE tenant_id = $1`,
        [tenantId],
      );
      expect(new Map(rows.map(({ id, position }) => [id, position]))).toEqual(firstPositions);
      for (const changes of told) {
        const positions = changes.map(({ position }) => position);
        expect(positions).toEqual(positions.toSorted((a, b) => Number(a - b)));
      }
      expect(await expectSoundLog(testDatabase.url, tenantId)).toBe(BigInt(rows.length + 2));
    }),
    { numRuns: 12, seed: Number(process.env.HOLDFAST_TEST_SEED ?? 4650), endOnFailure: true },
  );
  // Otherwise nothing overlapped, or nothing went wrong while it did.
  expect(behind.stored).toBeGreaterThan(10);
  expect(behind.notInTurn).toBeGreaterThan(0);
  expect(behind.lost).toBeGreaterThan(0);
});
