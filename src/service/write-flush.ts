import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { ChangeType } from "../../gen/holdfast/v1/log_pb.js";
import { HoldfastError } from "../core/errors.js";
import { microsFromTimestamp, timestampFromMicros } from "../core/time.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { setCommitFields } from "../entities/stored-record.js";
import { type AppendAnswer, appendStatement, type Turn } from "../store/append.js";
import { beginAs } from "../store/begin-as.js";
import type { CommitMark } from "../store/commit-mark.js";
import type { CommittedChange } from "../store/committed-change.js";
import type { Connections, Run } from "../store/database.js";
import { SESSION_NOT_ACTIVE } from "../store/routines/log-routines.js";
import { databaseError, UNIQUE_VIOLATION } from "../store/sqlstate.js";
import type { RulesByEntity } from "./entity-rules.js";
import { emptyFacts, type FlushFacts, loadExisting, loadState } from "./flush-facts.js";
import type { PlacedEntry } from "./placed-entry.js";
import { type EntryFate, type FlushPlan, planFlush } from "./plan-flush.js";
import type { EntryOutcome, PreparedEntry } from "./prepared-entry.js";

export interface FlushContext {
  readonly database: Connections;
  readonly sessionCodec: EntityCodec;
  readonly rules: RulesByEntity;
}

/** What a flush did: an outcome for each entry, and what it added to the log. */
export interface WrittenFlush {
  readonly outcomes: readonly EntryOutcome[];
  readonly commit: Commit;
}

export interface Commit {
  readonly logId: string;
  /** Of the last change; 0 if there was none. */
  readonly position: bigint;
  /** In order of position; more than one where a flush was split, none where nothing was written. */
  readonly parts: readonly CommitPart[];
}

/** One commit of the database. */
export interface CommitPart {
  /** The hash of everything before it. */
  readonly previousHash: Uint8Array;
  readonly mark: CommitMark;
  /** The changes, in order of position; made when asked for. */
  changes(): readonly CommittedChange[];
}

export const NO_COMMIT: Commit = Object.freeze({ logId: "", position: 0n, parts: [] });

/**
 * Each try that the database refuses teaches at least one fact (a closed
 * session, an id already there); only other servers writing the same ids at the
 * same moment can make it more than three.
 */
const MAX_TRIES = 20;

/**
 * Writes entries of one tenant as one transaction. Appended rows alone take one
 * statement; changes of current state take two round trips, to lock and read,
 * then to write.
 *
 * Ids that are already there are not looked for beforehand: a unique index
 * refuses them, and then they are. A caller who expects some says `checkFirst`.
 */
export async function writeFlush(
  context: FlushContext,
  tenantId: string,
  entries: readonly PreparedEntry[],
  checkFirst: boolean,
): Promise<WrittenFlush> {
  const hasState = entries.some((entry) => entry.verb !== "append");
  const inactiveSessions: FlushFacts["inactiveSessions"] = new Map();
  let checkExisting = checkFirst;
  for (let tries = 1; ; tries += 1) {
    const facts = { ...emptyFacts(), inactiveSessions };
    const attempt = { context, tenantId, entries, facts, checkExisting };
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
  const plan = planFlush(tenantId, entries, emptyFacts(), context);
  if (plan.flush.count === 0) return written(plan, undefined);
  const [answer] = await context.database.run<AppendAnswer>(appendStatement(plan.flush, turn));
  return written(plan, answer);
}

interface Attempt {
  readonly context: FlushContext;
  readonly tenantId: string;
  readonly entries: readonly PreparedEntry[];
  readonly facts: FlushFacts;
  readonly checkExisting: boolean;
}

async function writeAppended(attempt: Attempt): Promise<WrittenFlush> {
  const { database } = attempt.context;
  if (attempt.checkExisting) {
    const read = (run: Run) => loadExisting(run, attempt.tenantId, attempt.entries, attempt.facts);
    await database.read(attempt.tenantId, read, { byKey: true });
  }
  const plan = planAttempt(attempt);
  if (plan.flush.count === 0) return written(plan, undefined);
  const [answer] = await database.run<AppendAnswer>(appendStatement(plan.flush));
  return written(plan, answer);
}

function writeWithState(attempt: Attempt): Promise<WrittenFlush> {
  const { tenantId, entries, facts } = attempt;
  return attempt.context.database.withConnection(async (run) => {
    try {
      await Promise.all([
        run(beginAs(tenantId, "READ WRITE")),
        loadState(run, tenantId, entries, facts, attempt.context.rules),
        attempt.checkExisting ? loadExisting(run, tenantId, entries, facts) : undefined,
      ]);
      let plan = planAttempt(attempt);
      if (!attempt.checkExisting && plan.fates.some(isRefused)) {
        // What is refused now may have been stored before: then that is the answer.
        await loadExisting(run, tenantId, entries, facts);
        plan = planAttempt(attempt);
      }
      if (plan.flush.count === 0) {
        await run("ROLLBACK");
        return written(plan, undefined);
      }
      const [[answer]] = await Promise.all([run<AppendAnswer>(appendStatement(plan.flush)), run("COMMIT")]);
      return written(plan, answer);
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

function planAttempt({ tenantId, entries, facts, context }: Attempt): FlushPlan {
  return planFlush(tenantId, entries, facts, context);
}

function isRefused(fate: EntryFate): boolean {
  return fate.kind === "settled" && fate.outcome instanceof HoldfastError;
}

function written(plan: FlushPlan, answer: AppendAnswer | undefined): WrittenFlush {
  const [firstPosition, micros, logId, previousHash, hash] = answer ?? [0n, 0n, "", NO_BYTES, NO_BYTES];
  const stamp = { firstPosition, micros, time: timestampFromMicros(micros) };
  const { placed, fates } = plan;
  const position = firstPosition + BigInt(placed.length - 1);
  const changes = () => placed.map((each) => committed(each, stamp));
  const commit = { logId, position, parts: [{ previousHash, mark: { position, hash }, changes }] };
  return {
    outcomes: fates.map((fate) => outcome(fate, stamp)),
    commit: placed.length === 0 ? NO_COMMIT : commit,
  };
}

const NO_BYTES = new Uint8Array();

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

function outcome(fate: EntryFate, stamp: Stamp): EntryOutcome {
  if (fate.kind === "settled") return fate.outcome;
  const { placed } = fate;
  return {
    id: placed.id,
    position: stamp.firstPosition + BigInt(placed.offset),
    duplicate: fate.kind === "repeated",
    record: () => stamped(placed, stamp),
  };
}

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
