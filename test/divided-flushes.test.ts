import { create } from "@bufbuild/protobuf";
import pino from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { alterConnections } from "../chaos/server/alter-connections.js";
import { ErrorReason } from "../gen/holdfast/v1/error_pb.js";
import { EntrySchema } from "../gen/holdfast/v1/event_pb.js";
import { GoalSchema } from "../gen/holdfast/v1/goal_pb.js";
import { readConfig } from "../src/config.js";
import { uuidV7 } from "../src/core/uuid.js";
import { action as actionEntity } from "../src/entities/action.js";
import { createCodecs } from "../src/entities/codecs.js";
import type { FieldBag } from "../src/entities/field-codec.js";
import { goal } from "../src/entities/goal.js";
import { entities } from "../src/entities/registry.js";
import { session } from "../src/entities/session.js";
import { Appender } from "../src/service/appender.js";
import { createEntryPreparer } from "../src/service/prepare-entry.js";
import type { EntryOutcome, PreparedEntry } from "../src/service/prepared-entry.js";
import { createRules } from "../src/service/rules.js";
import type { Database, Run, Statement } from "../src/store/database.js";
import { WorkerPool } from "../src/workers/worker-pool.js";
import { durableLog } from "./support/durable-log.js";
import { action, finishAction, observation, payload, startAction } from "./support/entries.js";
import { heldBytes, heldBytesAtRest } from "./support/held-bytes.js";
import type { EntryInit } from "./support/tenant.js";
import { useDatabase } from "./support/use-database.js";
import { expectSoundLog } from "./support/verify-log.js";

const MAX_FLUSH_BYTES = 512 * 1024;
/** As batches of a stream. */
const DIVISIBLE = { isDivisible: true };
const logger = pino({ level: "silent" });
const codecs = createCodecs(entities);
const preparer = createEntryPreparer(codecs, { maxBytesPerEntry: 1 << 20, maxEntriesPerBatch: 500 });

const shared = useDatabase();

/** One commit: its positions, and the bytes of its changes. */
interface ToldCommit {
  readonly positions: readonly bigint[];
  readonly byteLength: number;
}

/** What sees each statement of a transaction, and runs it. */
type Watch = (statement: Statement | string, run: Run) => Promise<readonly (readonly unknown[])[]>;

/** The database with something between it and the transactions that change things. */
function watched(inner: Database, watch: Watch): Database {
  const watching =
    (run: Run): Run =>
    async (statement) =>
      (await watch(statement, run)) as never;
  return alterConnections(inner, (connections) => ({
    withConnection: (use) => connections.withConnection((run) => use(watching(run))),
  }));
}

/** Adds the bytes of the current rows of each read to a list. */
function countingReads(bytesRead: number[]): Watch {
  return async (statement, run) => {
    const rows = await run(statement);
    if (typeof statement !== "string" && statement.name?.startsWith("fitting")) {
      const texts = rows.flat().filter((value) => typeof value === "string");
      bytesRead.push(texts.reduce((sum, text) => sum + text.length, 0));
    }
    return rows;
  };
}

interface TestAppender {
  readonly appender: Appender;
  readonly commits: readonly ToldCommit[];
}

const justRun: Watch = (statement, run) => run(statement);

function newAppender(watch: Watch = justRun, onCommit = (): void => {}): TestAppender {
  const commits: ToldCommit[] = [];
  const context = {
    database: watched(shared.database, watch),
    sessionCodec: codecs.of(session),
    // Nothing here needs validation, so no thread is started.
    rules: createRules(readConfig({}), new WorkerPool(readConfig({}), new Registry())),
    logger,
    durable: durableLog(shared.url),
    onCommit(_: string, commit: { changes(): readonly { position: bigint; byteLength: number }[] }) {
      const changes = commit.changes();
      commits.push({
        positions: changes.map(({ position }) => position),
        byteLength: changes.reduce((sum, { byteLength }) => sum + byteLength, 0),
      });
      onCommit();
    },
  };
  const limits = { maxFlushEntries: 1000, maxWaitingBytes: 1e9, maxWaitingEntries: 1e6 };
  return { commits, appender: new Appender(context, { ...limits, maxFlushBytes: MAX_FLUSH_BYTES }) };
}

function prepared(...inits: readonly EntryInit[]): PreparedEntry[] {
  return inits.map((init, i) => preparer.entry(create(EntrySchema, init), `entries[${i}].`));
}

/** Stores so many actions, each with a payload of so many bytes. */
async function storeActions(tenantId: string, count: number, byteLength: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => uuidV7());
  const { appender } = newAppender();
  for (const id of ids) {
    const parameters = payload(JSON.stringify("x".repeat(byteLength)));
    await appender.append(tenantId, prepared(action({ id, parameters })));
  }
  await appender.close();
  return ids;
}

function newGoal(): PreparedEntry {
  return preparer.create(codecs.of(goal), create(GoalSchema, { id: uuidV7() }) as unknown as FieldBag, "");
}

function positionsOf(outcomes: readonly EntryOutcome[]): bigint[] {
  return outcomes.map((outcome) => {
    if (outcome instanceof Error) throw outcome;
    return outcome.position;
  });
}

test("small changes of large rows are divided among transactions, in order and each once", async () => {
  const tenantId = uuidV7();
  const rowBytes = 60_000;
  const ids = await storeActions(tenantId, 40, rowBytes);
  const bytesRead: number[] = [];
  const { appender, commits } = newAppender(countingReads(bytesRead));
  const batches = [
    prepared(...ids.flatMap((id) => [observation(), startAction(id)])),
    prepared(observation(), ...ids.map((id) => finishAction(id))),
    prepared(observation(), observation()),
  ];
  const answers = await Promise.all(batches.map((entries) => appender.append(tenantId, entries, DIVISIBLE)));
  const positions = answers.flatMap(positionsOf);
  const first = BigInt(ids.length + 1);
  expect(positions).toEqual(positions.map((_, i) => first + BigInt(i)));
  expect(commits.flatMap((commit) => commit.positions)).toEqual(positions);

  // A transaction ends with the change by which it has enough.
  const room = MAX_FLUSH_BYTES + rowBytes + 1000;
  for (const { byteLength } of commits) expect(byteLength).toBeLessThan(room);
  for (const read of bytesRead) expect(read).toBeLessThan(room);
  expect(commits.length).toBeGreaterThanOrEqual((2 * ids.length * rowBytes) / room);
  // Nor are they more than it takes: the bytes of rows are what divides them.
  expect(commits.length).toBeLessThan(ids.length);

  const again = await Promise.all(batches.map((entries) => appender.append(tenantId, entries, DIVISIBLE)));
  expect(again.flatMap(positionsOf)).toEqual(positions);
  expect(again.flat().every((outcome) => !(outcome instanceof Error) && outcome.duplicate)).toBe(true);
  await appender.close();
  expect(commits.flatMap((commit) => commit.positions)).toEqual(positions);
  expect(await expectSoundLog(shared.url, tenantId)).toBe(positions.at(-1));
});

test("changes of one large row are divided among transactions, since each writes a whole revision", async () => {
  const tenantId = uuidV7();
  const rowBytes = 60_000;
  const [id = ""] = await storeActions(tenantId, 1, rowBytes);
  const { appender, commits } = newAppender();
  const entries = Array.from({ length: 40 }, (_, i) =>
    preparer.patch({
      codec: codecs.of(actionEntity),
      id,
      requestId: "",
      schema: EntrySchema,
      request: create(EntrySchema),
      fields: { description: `change ${i}` },
      path: "",
      idField: "id",
    }),
  );
  const positions = positionsOf(await appender.append(tenantId, entries, DIVISIBLE));
  await appender.close();
  expect(positions).toEqual(entries.map((_, i) => BigInt(i + 2)));
  expect(commits.flatMap((commit) => commit.positions)).toEqual(positions);
  for (const { byteLength } of commits) expect(byteLength).toBeLessThan(MAX_FLUSH_BYTES + rowBytes + 1000);
  expect(await expectSoundLog(shared.url, tenantId)).toBe(positions.at(-1));
});

test("a refused change of a large row costs those beside it nothing", async () => {
  const tenantId = uuidV7();
  const ids = await storeActions(tenantId, 20, 60_000);
  const { appender } = newAppender();
  const unknown = uuidV7();
  const started = ids.map((id) => startAction(id));
  const entries = prepared(startAction(unknown), ...started, startAction(unknown), ...started.slice(0, 1));
  const outcomes = await appender.append(tenantId, entries, DIVISIBLE);
  await appender.close();
  expect(outcomes[0]).toBeInstanceOf(Error);
  expect(outcomes[21]).toBeInstanceOf(Error);
  expect(positionsOf(outcomes.slice(1, 21))).toEqual(ids.map((_, i) => BigInt(ids.length + 1 + i)));
  // The same request, now behind a transaction of the same batch.
  expect(outcomes[22]).toMatchObject({ position: BigInt(ids.length + 1), duplicate: true });
});

test("a batch of small changes holds the rows of one transaction, not all of its rows", async () => {
  const tenantId = uuidV7();
  const rowBytes = 256 * 1024;
  const ids = await storeActions(tenantId, 96, rowBytes);
  let most = 0;
  const { appender, commits } = newAppender(justRun, () => {
    most = Math.max(most, heldBytes());
  });
  const entries = prepared(...ids.map((id) => startAction(id)));
  const atRest = await heldBytesAtRest();
  const outcomes = await appender.append(tenantId, entries, DIVISIBLE);
  await appender.close();
  expect(positionsOf(outcomes)).toHaveLength(ids.length);
  expect(commits.length).toBeGreaterThan(10);
  // A row is held several times while it is written: read, decoded, encoded, sent.
  expect(most - atRest).toBeLessThan(16 * MAX_FLUSH_BYTES);
  expect(16 * MAX_FLUSH_BYTES).toBeLessThan((ids.length * rowBytes) / 2);
});

test("a call that does not fit into a transaction is refused, and those beside it are stored", async () => {
  const tenantId = uuidV7();
  const [one = "", ...ids] = await storeActions(tenantId, 20, 60_000);
  const { appender, commits } = newAppender();
  const tooLarge = prepared(observation(), ...ids.map((id) => startAction(id)));
  const [before, refused, after] = await Promise.all([
    appender.append(tenantId, prepared(observation())),
    appender.append(tenantId, tooLarge),
    appender.append(tenantId, prepared(observation(), startAction(one))),
  ]);
  const metadata = { limit: String(MAX_FLUSH_BYTES) };
  for (const outcome of refused) {
    expect(outcome).toMatchObject({ reason: ErrorReason.LIMIT_EXCEEDED, metadata });
    expect(outcome).toMatchObject({ message: expect.stringContaining("send fewer changes in one call") });
  }
  expect(refused).toHaveLength(tooLarge.length);
  expect([...positionsOf(before), ...positionsOf(after)]).toEqual([21n, 22n, 23n]);

  // Stored in parts, it is answered as any other retry.
  const stored = positionsOf(await appender.append(tenantId, tooLarge, DIVISIBLE));
  const again = await appender.append(tenantId, tooLarge);
  expect(positionsOf(again)).toEqual(stored);
  expect(again.every((outcome) => !(outcome instanceof Error) && outcome.duplicate)).toBe(true);
  await appender.close();
  expect(commits.flatMap(({ positions }) => positions)).toHaveLength(3 + tooLarge.length);
  expect(await expectSoundLog(shared.url, tenantId)).toBe(23n + BigInt(tooLarge.length));
});

test("a single change is stored however large its row is", async () => {
  const tenantId = uuidV7();
  const [id = ""] = await storeActions(tenantId, 1, MAX_FLUSH_BYTES + 1);
  const { appender } = newAppender();
  expect(positionsOf(await appender.append(tenantId, prepared(startAction(id))))).toEqual([2n]);
  await appender.close();
});

test("a call of new things is not refused for their own size", async () => {
  const tenantId = uuidV7();
  const { appender, commits } = newAppender();
  const parameters = payload(JSON.stringify("x".repeat(60_000)));
  const entries = prepared(...Array.from({ length: 20 }, () => action({ id: uuidV7(), parameters })));
  await appender.append(tenantId, entries);
  await appender.close();
  expect(commits.map(({ positions }) => positions.length)).toEqual([20]);
});

test("a call of changes of several kinds that fits is stored whole", async () => {
  const tenantId = uuidV7();
  // More than half of what there is room for.
  const ids = await storeActions(tenantId, 6, 60_000);
  const { appender, commits } = newAppender();
  const mixed = [...prepared(...ids.map((id) => startAction(id))), newGoal()];
  const others = [newGoal()];
  const answers = await Promise.all([mixed, others].map((entries) => appender.append(tenantId, entries)));
  await appender.close();
  expect(answers.map((outcomes) => positionsOf(outcomes).length)).toEqual([7, 1]);
  expect(commits[0]?.positions.length).toBeGreaterThanOrEqual(7);
});

test("a batch that fits into a transaction is stored whole, whatever it shares a flush with", async () => {
  const tenantId = uuidV7();
  const ids = await storeActions(tenantId, 12, 60_000);
  const { appender, commits } = newAppender();
  const batches = [prepared(...ids.slice(0, 6).map((id) => startAction(id)))];
  batches.push(prepared(...ids.slice(6).map((id) => startAction(id)), observation()));
  await Promise.all(batches.map((entries) => appender.append(tenantId, entries)));
  await appender.close();
  expect(commits.map(({ positions }) => positions.length)).toEqual([6, 7]);
});
