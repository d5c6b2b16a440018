import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { expect, test } from "vitest";
import { ErrorReason } from "../gen/holdfast/v1/error_pb.js";
import { ObservationSchema } from "../gen/holdfast/v1/observation_pb.js";
import { SessionSchema } from "../gen/holdfast/v1/session_pb.js";
import { HoldfastError } from "../src/core/errors.js";
import { uuidV7 } from "../src/core/uuid.js";
import { createCodecs } from "../src/entities/codecs.js";
import type { FieldBag } from "../src/entities/field-codec.js";
import { observation } from "../src/entities/observation.js";
import { entities } from "../src/entities/registry.js";
import { session } from "../src/entities/session.js";
import { Appender } from "../src/service/appender.js";
import type { EntityRules } from "../src/service/entity-rules.js";
import { createEntryPreparer } from "../src/service/prepare-entry.js";
import { ValidationNeeded } from "../src/service/validation-needed.js";
import { durableLog } from "./support/durable-log.js";
import { useDatabase } from "./support/use-database.js";

const logger = pino({ level: "silent" });
const codecs = createCodecs(entities);
const preparer = createEntryPreparer(codecs, { maxBytesPerEntry: 1 << 20, maxEntriesPerBatch: 500 });

const shared = useDatabase();

/** An appender whose sessions need validation by these rules. */
function newAppender(rules: Pick<EntityRules, "shape" | "validate">): Appender {
  const limits = { maxFlushBytes: 1e7, maxFlushEntries: 100, maxWaitingBytes: 1e8, maxWaitingEntries: 1e5 };
  const context = {
    database: shared.database,
    sessionCodec: codecs.of(session),
    logger,
    durable: durableLog(shared.url),
    onCommit: () => {},
  };
  return new Appender({ ...context, rules: new Map([[session, { isSerialised: false, ...rules }]]) }, limits);
}

function newSession(type: string, id = uuidV7()) {
  const message = create(SessionSchema, { id, type }) as unknown as FieldBag;
  return preparer.create(codecs.of(session), message, "");
}

function newObservation() {
  return preparer.append(codecs.of(observation), create(ObservationSchema) as unknown as FieldBag, "");
}

/** By the type of a session: the subject, which must be what was validated. */
const byType: EntityRules["shape"] = (record, _before, _view, { validated }) => {
  if (validated !== record.type) throw new ValidationNeeded("session", record.id as string, 1n, record.type);
};

test("entries are validated one by one between two flushes, and what is wrong with one is its outcome alone", async () => {
  const asked: unknown[] = [];
  const appender = newAppender({
    shape: byType,
    async validate(_tenant, subject) {
      asked.push(subject);
      if (subject === "bad") throw new HoldfastError(ErrorReason.INVALID_FIELD, "bad");
    },
  });
  const tenantId = uuidV7();
  const entries = [newSession("a"), newObservation(), newSession("bad"), newSession("b"), newObservation()];
  const outcomes = await appender.append(tenantId, entries);
  expect(outcomes).toMatchObject([
    { position: 3n },
    { position: 1n },
    { reason: ErrorReason.INVALID_FIELD },
    { position: 4n },
    { position: 2n },
  ]);
  expect(asked).toEqual(["a", "bad", "b"]);
  // Found by the flush before anything is asked for.
  expect(await appender.append(tenantId, entries.slice(0, 1))).toMatchObject([
    { position: 3n, duplicate: true },
  ]);
  expect(asked).toHaveLength(3);
  await appender.close();
});

test("a subject that is another each time is given up as ABORTED", async () => {
  let count = 0;
  const appender = newAppender({
    shape(record) {
      throw new ValidationNeeded("session", record.id as string, 8n, "another");
    },
    async validate() {
      count += 1;
    },
  });
  const [session, observed] = await appender.append(uuidV7(), [newSession("a"), newObservation()]);
  expect(session).toMatchObject({
    reason: ErrorReason.REVISION_MISMATCH,
    message: expect.stringContaining("was changed by others"),
    metadata: { entity: "session", current_revision: "7" },
  });
  expect(observed).toMatchObject({ position: 1n });
  expect(count).toBe(10);
  await appender.close();
});

test("closing ends validation, and waits for what else is under way", async () => {
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const appender = newAppender({
    shape: byType,
    validate: (_tenant, _subject, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        begun();
      }),
  });
  const answer = appender.append(uuidV7(), [newSession("a"), newObservation()]);
  await hasBegun;
  await appender.close();
  expect(await answer).toMatchObject([{ reason: ErrorReason.SERVER_DRAINING }, { position: 1n }]);
});
