import { create } from "@bufbuild/protobuf";
import pino from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { alterConnections } from "../chaos/server/alter-connections.js";
import { ErrorReason } from "../gen/holdfast/v1/error_pb.js";
import { GoalSchema, GoalStatus, UpdateGoalRequestSchema } from "../gen/holdfast/v1/goal_pb.js";
import { readConfig } from "../src/config.js";
import { uuidV7 } from "../src/core/uuid.js";
import { createCodecs } from "../src/entities/codecs.js";
import type { FieldBag } from "../src/entities/field-codec.js";
import { goal } from "../src/entities/goal.js";
import { entities } from "../src/entities/registry.js";
import { session } from "../src/entities/session.js";
import { Appender } from "../src/service/appender.js";
import { MAX_FLUSH_STEPS, STEPS_OF_A_CHANGE } from "../src/service/flush-steps.js";
import { createEntryPreparer } from "../src/service/prepare-entry.js";
import type { EntryOutcome, PreparedEntry, StoredEntry } from "../src/service/prepared-entry.js";
import { createRules } from "../src/service/rules.js";
import type { Commit } from "../src/service/write-flush.js";
import type { Database, Statement } from "../src/store/database.js";
import { databaseUnavailable } from "../src/store/sqlstate.js";
import { WorkerPool } from "../src/workers/worker-pool.js";
import { durableLog } from "./support/durable-log.js";
import { query } from "./support/query.js";
import { useDatabase } from "./support/use-database.js";
import { expectSoundLog } from "./support/verify-log.js";

/** Goals that wait for each hub: completing one passes the limit of a flush. */
const WAITING = MAX_FLUSH_STEPS / STEPS_OF_A_CHANGE;
/** Of one batch. */
const BATCH = 500;
const logger = pino({ level: "silent" });
const config = readConfig({});
const rules = createRules(config, new WorkerPool(config, new Registry()));
const codecs = createCodecs(entities);
const codec = codecs.of(goal);
const preparer = createEntryPreparer(codecs, { maxBytesPerEntry: 1 << 20, maxEntriesPerBatch: BATCH });

const shared = useDatabase({ maxConnections: 2, connectTimeoutMs: 60_000, statementTimeoutMs: 120_000 });

/** The database, of which the connection is lost when it is sent the flushes from a certain one on. */
function losing(inner: Database, isLost: () => boolean): Database {
  return alterConnections(inner, (connections) => ({
    withConnection: (use) =>
      connections.withConnection((run) =>
        use((statement) => {
          const isFlush = (statement as Statement).name?.startsWith("append ");
          return isFlush && isLost() ? Promise.reject(databaseUnavailable()) : run(statement);
        }),
      ),
  }));
}

/** A tenant with some hubs, for each of which many goals wait, and what its log was told of. */
async function tenantWithHubs(count: number, isLost: (flush: number) => boolean = () => false) {
  const tenantId = uuidV7();
  const commits: Commit[] = [];
  let flushes = 0;
  const watched = losing(shared.database, () => {
    flushes += 1;
    return isLost(flushes);
  });
  const onCommit = (_tenant: string, commit: Commit) => commits.push(commit);
  const context = {
    sessionCodec: codecs.of(session),
    rules,
    onCommit,
    logger,
    durable: durableLog(shared.url),
  };
  const before = new Appender({ ...context, database: shared.database, onCommit: () => {} }, config);
  const hubs = Array.from({ length: count }, () => uuidV7());
  await before.append(
    tenantId,
    hubs.map((id) => creation({ id })),
  );
  for (const hub of hubs) {
    const waiting = Array.from({ length: WAITING }, () => creation({ id: uuidV7(), dependsOn: [hub] }));
    for (let i = 0; i < WAITING; i += BATCH) await before.append(tenantId, waiting.slice(i, i + BATCH));
  }
  const appender = new Appender({ ...context, database: watched }, config);
  return { tenantId, hubs, commits, appender, completions: hubs.map(completion) };
}

function creation(init: { id: string; dependsOn?: string[] }): PreparedEntry {
  return preparer.create(codec, create(GoalSchema, init) as unknown as FieldBag, "");
}

function completion(id: string): PreparedEntry {
  const schema = UpdateGoalRequestSchema;
  const fields = { status: GoalStatus.COMPLETED };
  const request = create(schema, { goal: { id } });
  return preparer.patch({ codec, id, requestId: "", schema, request, fields, path: "", idField: "id" });
}

/** How many commits these entries are in. */
async function commitsOf(tenantId: string, outcomes: readonly EntryOutcome[]): Promise<number> {
  const positions = outcomes.map((each) => (each as StoredEntry).position);
  const rows = await query(
    shared.url,
    `SELECT count(DISTINCT c.position)::integer AS count FROM holdfast.commits c
     JOIN unnest($2::bigint[]) AS p (position) ON p.position BETWEEN c.first_position AND c.position
     WHERE c.tenant_id = $1`,
    [tenantId, positions],
  );
  return (rows[0] as { count: number }).count;
}

test("calls that together take too many steps are stored one after the other, each as a whole", async () => {
  const { tenantId, appender, completions, commits } = await tenantWithHubs(3);
  const [first, ...rest] = completions;
  const answers = await Promise.all([
    appender.append(tenantId, first ? [first] : []),
    appender.append(tenantId, rest),
    appender.append(tenantId, [creation({ id: uuidV7() })]),
  ]);
  for (const outcome of answers.flat()) expect(outcome).not.toBeInstanceOf(Error);
  expect(await commitsOf(tenantId, answers[1] ?? [])).toBe(1);
  expect(await commitsOf(tenantId, answers.flat())).toBe(3);
  // The hub was told of every change once, in order.
  const positions = commits.flatMap((commit) => commit.changes().map(({ position }) => position));
  const end = await expectSoundLog(shared.url, tenantId);
  expect(positions).toEqual(positions.map((_, i) => end - BigInt(positions.length - 1 - i)));
  expect(positions).toHaveLength(3 + 3 * WAITING + 1);
  await appender.close();
});

test("calls stored before the connection is lost are acknowledged, the others are stored when sent again", async () => {
  let isDown = true;
  const { tenantId, appender, completions } = await tenantWithHubs(3, (flush) => isDown && flush > 1);
  const answers = await Promise.allSettled(completions.map((entry) => appender.append(tenantId, [entry])));
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
  for (const answer of answers.slice(1)) {
    expect(answer).toMatchObject({ reason: { reason: ErrorReason.DATABASE_UNAVAILABLE } });
  }
  isDown = false;
  const again = (await Promise.all(completions.map((entry) => appender.append(tenantId, [entry])))).flat();
  expect(again).toMatchObject([{ duplicate: true }, { duplicate: false }, { duplicate: false }]);
  const [stored] = answers;
  const [repeated] = again;
  expect(stored).toMatchObject({
    value: [{ position: (repeated as StoredEntry).position, duplicate: false }],
  });
  await expectSoundLog(shared.url, tenantId);
  await appender.close();
});
