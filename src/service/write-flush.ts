import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { ChangeType } from "../../gen/holdfast/v1/log_pb.js";
import { HoldfastError } from "../core/errors.js";
import { finish, finishInTurns, type Steps } from "../core/steps.js";
import { microsFromTimestamp, timestampFromMicros } from "../core/time.js";
import type { FieldBag } from "../entities/field-codec.js";
import { setCommitFields } from "../entities/stored-record.js";
import { type AppendAnswer, appendStatement, makeAppendStatement, type Turn } from "../store/append.js";
import { beginAs } from "../store/begin-as.js";
import type { CommitMark } from "../store/commit-mark.js";
import type { CommittedChange } from "../store/committed-change.js";
import type { Connections, Run } from "../store/database.js";
import { SESSION_NOT_ACTIVE } from "../store/routines/log-routines.js";
import { databaseError, UNIQUE_VIOLATION } from "../store/sqlstate.js";
import type { BatchEnd } from "./batch-ends.js";
import type { ReadOfLog } from "./durable-log.js";
import { earlierOf, emptyFacts, type FlushFacts, loadExisting } from "./flush-facts.js";
import type { EntryFate, FlushPlan, PlanContext } from "./flush-plan.js";
import { loadState } from "./load-state.js";
import type { PlacedEntry } from "./placed-entry.js";
import { planFitting } from "./plan-fitting.js";
import { planFlush } from "./plan-flush.js";
import type { EntryOutcome, PreparedEntry } from "./prepared-entry.js";

export interface FlushContext extends PlanContext {
  readonly database: Connections;
  /** Bytes of rows that a transaction which changes things may read beforehand, and write. */
  readonly maxFlushBytes: number;
}

/** What a flush did, and what it added to the log. */
export interface WrittenFlush {
  /** Of the entries in order; fewer than there are entries if the rest must go into another flush. */
  readonly outcomes: readonly EntryOutcome[];
  readonly commit: Commit;
  /** What the outcomes repeat of the log, where no commit of this flush proves that it is durable. */
  readonly repeats?: ReadOfLog | undefined;
}

export interface Commit {
  readonly logId: string;
  /** The hash of everything before it. */
  readonly previousHash: Uint8Array;
  readonly mark: CommitMark;
  /** The changes, in order of position; made when asked for. */
  changes(): readonly CommittedChange[];
}

const NO_BYTES = new Uint8Array();

export const NO_COMMIT: Commit = Object.freeze({
  logId: "",
  previousHash: NO_BYTES,
  mark: { position: 0n, hash: NO_BYTES },
  changes: () => [],
});

/**
 * Each try that the database refuses teaches at least one fact (a closed
 * session, an id already there); only other servers writing the same ids at the
 * same moment can make it more than three.
 */
const MAX_TRIES = 20;

/**
 * Writes entries of one tenant as one transaction: all of them, or those of the
 * first batches, if the rules take too many steps, or if the rows are too many
 * bytes: a small change may be of a large row. Appended rows alone take one
 * statement; changes of current state take two round trips, to lock and read,
 * then to write, and more if the plan takes several turns.
 *
 * Ids that are already there are not looked for beforehand: a unique index
 * refuses them, and then they are. A caller who expects some says `checkFirst`.
 *
 * @param ends of the batches of the entries: where not all are written, a batch is divided only if it is the first and may
 * be. If it may not be, its entries are refused as LIMIT_EXCEEDED.
 */
export async function writeFlush(
  context: FlushContext,
  tenantId: string,
  entries: readonly PreparedEntry[],
  ends: readonly BatchEnd[],
  checkFirst: boolean,
): Promise<WrittenFlush> {
  const hasState = entries.some((entry) => entry.verb !== "append");
  const inactiveSessions: FlushFacts["inactiveSessions"] = new Map();
  let checkExisting = checkFirst;
  for (let tries = 1; ; tries += 1) {
    const facts = { ...emptyFacts(), inactiveSessions };
    const attempt = { context, tenantId, entries, ends, facts, checkExisting };
    try {
      return await (hasState ? writeWithState(attempt) : writeAppended(attempt));
    } catch (error) {
      const refusal = databaseError(error);
      if (tries >= MAX_TRIES) throw contended(error);
      if (refusal?.code === SESSION_NOT_ACTIVE) {
        learnSessions(refusal.detail, inactiveSessions);
        // Entries of a session since closed may be here already: then they are answered, not refused.
        checkExisting = true;
      } else if (refusal?.code === UNIQUE_VIOLATION) checkExisting = true;
      else throw error;
    }
  }
}

/**
 * Sends the one statement that appends these rows without having looked at the
 * database, so that it can be under way while the flush ahead of it still is.
 *
 * @throws whatever the database refuses: then `writeFlush` finds out what became of the entries.
 */
export async function writeInTurn(
  context: FlushContext,
  tenantId: string,
  entries: readonly PreparedEntry[],
  turn: Turn,
): Promise<WrittenFlush> {
  const plan = finish(planFlush(tenantId, entries, emptyFacts(), context));
  if (plan.flush.count === 0) return written(plan, entries, undefined);
  const [answer] = await context.database.run<AppendAnswer>(appendStatement(plan.flush, turn));
  return written(plan, entries, answer);
}

interface Attempt {
  readonly context: FlushContext;
  readonly tenantId: string;
  readonly entries: readonly PreparedEntry[];
  readonly ends: readonly BatchEnd[];
  readonly facts: FlushFacts;
  readonly checkExisting: boolean;
}

async function writeAppended(attempt: Attempt): Promise<WrittenFlush> {
  const { tenantId, entries, facts } = attempt;
  const { database } = attempt.context;
  if (attempt.checkExisting) {
    const read = (run: Run) => loadExisting(run, tenantId, entries, facts);
    await database.read(tenantId, read, { byKey: true });
  }
  const plan = finish(planFlush(tenantId, entries, facts, attempt.context));
  if (plan.flush.count === 0) return { ...written(plan, entries, undefined), repeats: earlierOf(facts) };
  const [answer] = await database.run<AppendAnswer>(appendStatement(plan.flush));
  return written(plan, entries, answer);
}

function writeWithState(attempt: Attempt): Promise<WrittenFlush> {
  const { tenantId, entries, ends, facts } = attempt;
  return attempt.context.database.withConnection(async (run) => {
    // Each turn is a statement, because Postgres ends a transaction that sends none for too long.
    const inTurns = <T>(steps: Steps<T>) => finishInTurns(steps, () => run("SELECT"));
    try {
      const [, loaded] = await Promise.all([
        run(beginAs(tenantId, "READ WRITE")),
        loadState(run, attempt, attempt.context),
        attempt.checkExisting ? loadExisting(run, tenantId, entries, facts) : undefined,
      ]);
      const makePlan = () =>
        inTurns(planFitting({ tenantId, entries, ends, facts, loaded }, attempt.context));
      let plan = await makePlan();
      if (!attempt.checkExisting && plan.fates.some(isRefused)) {
        // What is refused now may have been stored before: then that is the answer.
        await loadExisting(run, tenantId, entries.slice(0, loaded || ends[0]?.count), facts);
        plan = await makePlan();
      }
      if (plan.flush.count === 0) {
        await run("ROLLBACK");
        return { ...written(plan, entries, undefined), repeats: earlierOf(facts) };
      }
      const statement = await inTurns(makeAppendStatement(plan.flush));
      const [[answer]] = await Promise.all([run<AppendAnswer>(statement), run("COMMIT")]);
      return written(plan, entries, answer);
    } catch (error) {
      await rollback(run);
      throw error;
    }
  });
}

// The connection may be gone, and the transaction over: then there is nothing to end.
async function rollback(run: Run): Promise<void> {
  await run("ROLLBACK").catch(() => {});
}

function isRefused(fate: EntryFate): boolean {
  return fate.kind === "settled" && fate.outcome instanceof HoldfastError;
}

function written(
  plan: FlushPlan,
  entries: readonly PreparedEntry[],
  answer: AppendAnswer | undefined,
): WrittenFlush {
  const [firstPosition, micros, logId, previousHash, hash] = answer ?? [0n, 0n, "", NO_BYTES, NO_BYTES];
  const stamp = { firstPosition, micros, time: timestampFromMicros(micros) };
  const { placed, fates } = plan;
  const position = firstPosition + BigInt(placed.length - 1);
  const changes = () => placed.map((each) => committed(each, stamp));
  const commit = { logId, previousHash, mark: { position, hash }, changes };
  return {
    outcomes: fates.map((fate, i) => outcome(fate, entries[i], stamp)),
    commit: placed.length === 0 ? NO_COMMIT : commit,
  };
}

/** What the commit decided of every change of a flush. */
interface Stamp {
  readonly firstPosition: bigint;
  readonly micros: bigint;
  readonly time: Timestamp;
}

function committed(placed: PlacedEntry, stamp: Stamp): CommittedChange {
  const { offset, codec, change, sessionId, agentId, byteLength, row } = placed;
  const position = stamp.firstPosition + BigInt(offset);
  const created = createdBefore(placed);
  return {
    position,
    commitMicros: stamp.micros,
    change: ChangeType[change],
    kind: codec.entity.kind,
    sessionId,
    agentId,
    byteLength,
    stored: {
      row,
      position,
      createMicros: created ? microsFromTimestamp(created) : stamp.micros,
      updateMicros: codec.entity.nature === "state" ? stamp.micros : undefined,
    },
  };
}

function stamped(placed: PlacedEntry, { firstPosition, time }: Stamp): FieldBag {
  const { codec, offset } = placed;
  const record = placed.record();
  const updateTime = codec.entity.nature === "state" ? time : undefined;
  setCommitFields(record, firstPosition + BigInt(offset), createdBefore(placed) ?? time, updateTime);
  return record;
}

/** When a thing that this flush changes was created; undefined if by this flush, which does not know the time yet. */
function createdBefore({ change, record }: PlacedEntry): Timestamp | undefined {
  return change === "CREATED" ? undefined : (record().createTime as Timestamp | undefined);
}

function outcome(fate: EntryFate, entry: PreparedEntry | undefined, stamp: Stamp): EntryOutcome {
  if (fate.kind === "settled") return fate.outcome;
  const { placed } = fate;
  const keepsRecord = entry?.verb === "append" || entry?.wantsRecord === true;
  return {
    id: placed.id,
    position: stamp.firstPosition + BigInt(placed.offset),
    duplicate: fate.kind === "repeated",
    record: keepsRecord ? () => stamped(placed, stamp) : noRecord,
  };
}

function noRecord(): undefined {}

function learnSessions(detail: string | undefined, inactive: Map<string, string | null>): void {
  const sessions = JSON.parse(detail ?? "[]") as { id: string; status: string | null }[];
  for (const { id, status } of sessions) inactive.set(id, status);
}

function contended(cause: unknown): HoldfastError {
  return new HoldfastError(
    ErrorReason.DATABASE_UNAVAILABLE,
    "other servers keep writing the same ids; retry with the same id",
    { cause, retryAfterMs: 100 },
  );
}
