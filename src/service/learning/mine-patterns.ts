import { create } from "@bufbuild/protobuf";
import {
  type CrossSessionPattern,
  type MinePatternsRequest,
  MinePatternsRequestSchema,
} from "../../../gen/holdfast/v1/cross_session_pattern_pb.js";
import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import {
  type SessionFilter,
  SessionFilterSchema,
  SessionStatus,
} from "../../../gen/holdfast/v1/session_pb.js";
import { HoldfastError } from "../../core/errors.js";
import type { EntityCodec } from "../../entities/entity-codec.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { Database, ReadBounds } from "../../store/database.js";
import { NO_MIN_POSITION } from "../../store/read-min-position.js";
import type { ScanKind, Scans } from "../../workers/scans.js";
import type { WorkerPool } from "../../workers/worker-pool.js";
import { workerTask } from "../../workers/worker-task.js";
import type { Appender } from "../appender.js";
import type { ListFilter } from "../list-filter.js";
import type { EntryPreparer } from "../prepare-entry.js";
import type { Attribution, PreparedEntry } from "../prepared-entry.js";
import type { Records } from "../records.js";
import { finishedSteps } from "./finished-steps.js";
import type { FrequentSequence, MinedSequences, MiningLimits } from "./mine-sequences-task.js";
import { minedChanges, minedPattern } from "./mined-pattern.js";
import { RequestCheck } from "./request-check.js";
import { SessionSteps } from "./session-steps.js";
import { pageParts } from "./step-page.js";

export interface MinePatternsContext {
  readonly database: Database;
  readonly appender: Appender;
  readonly preparer: EntryPreparer;
  readonly patterns: Records;
  readonly sessionCodec: EntityCodec;
  readonly sessionFilter: ListFilter;
  readonly workers: WorkerPool;
  readonly scans: Scans;
}

export interface MinedPattern extends FrequentSequence {
  readonly crossSessionPattern: CrossSessionPattern;
}

export interface Mined {
  readonly patterns: readonly MinedPattern[];
  readonly sessionCount: number;
  readonly createdCount: number;
  readonly updatedCount: number;
}

/** One action by itself is no sequence. */
const MIN_LENGTH = 2;
const DEFAULT_MAX_LENGTH = 5;
/** The steps are gone through once for each length. */
const MAX_LENGTH = 10;
/** What occurs once is not frequent. */
const DEFAULT_MIN_SUPPORT = 2;
const DEFAULT_LIMIT = 50;
/** Patterns of one call: one flush. */
const MAX_LIMIT = 500;
/** Some 20 MB while mining. */
const MAX_CANDIDATES = 100_000;
/** Actions of all sessions, held in four bytes each while mining: 16 MiB. */
const MAX_STEPS = 4 * 1024 * 1024;
/** So many take some ten seconds at the greatest length, on a machine that does nothing else. */
const MINING_LIMIT_MS = 60_000;
const MINING: ScanKind = { name: "mining", advice: "mine fewer sessions or a higher min_support" };
const mineSequences = workerTask<MiningLimits, MinedSequences>(
  import.meta.url,
  "./mine-sequences-task.js",
  "mineSequences",
);
/** Other servers may mine at the same moment; each round one of them finds what the other wrote. */
const MAX_ROUNDS = 5;

const FINISHED = [SessionStatus.COMPLETED, SessionStatus.FAILED, SessionStatus.ABANDONED];

/**
 * Finds frequent sequences of actions in finished sessions, as of one moment,
 * and keeps them as patterns.
 *
 * @throws INVALID_FIELD, LIMIT_EXCEEDED, OVERLOADED, and the signal's reason if it aborts.
 */
export async function minePatterns(
  context: MinePatternsContext,
  tenantId: string,
  request: MinePatternsRequest,
  by: Attribution,
  bounds: ReadBounds,
): Promise<Mined> {
  const { minSupport, maxLength, limit, filter } = checked(request);
  const conditions = context.sessionFilter(filter as unknown as FieldBag);
  const { database, workers, scans, sessionCodec } = context;
  const limits = { minSupport, minLength: MIN_LENGTH, maxLength, maxCandidates: MAX_CANDIDATES, limit };
  const { frequent, sessionCount } = await scans.run(tenantId, MINING, bounds.signal, async (signal) => {
    const steps = await database.read(
      tenantId,
      (run) => collectSteps(finishedSteps(run, tenantId, sessionCodec, conditions, signal)),
      { ...bounds, signal },
    );
    const { pages, sessionCount } = steps;
    const options = { timeLimitMs: MINING_LIMIT_MS, signal, parts: pageParts(pages) };
    const frequent = await workers.run(tenantId, mineSequences, limits, options);
    if (!frequent) throw tooMany("different sequences of one length", MAX_CANDIDATES);
    return { frequent, sessionCount };
  });
  const found = frequent.map((sequence) => minedPattern(tenantId, request.sessions, sequence));
  const kept = await keepPatterns(context, tenantId, found, by);
  const patterns = frequent.flatMap((sequence, i) => {
    const crossSessionPattern = kept.byId.get(found[i]?.id ?? "");
    return crossSessionPattern ? [{ ...sequence, crossSessionPattern }] : [];
  });
  return { patterns, sessionCount, createdCount: kept.created, updatedCount: kept.updated };
}

function checked(request: MinePatternsRequest) {
  const { sessions } = request;
  const minSupport = request.minSupport || DEFAULT_MIN_SUPPORT;
  const maxLength = request.maxLength || DEFAULT_MAX_LENGTH;
  const limit = request.limit || DEFAULT_LIMIT;
  const check = new RequestCheck();
  check.range("min_support", minSupport, 1, 2 ** 31 - 1);
  check.range("max_length", maxLength, MIN_LENGTH, MAX_LENGTH);
  check.range("limit", limit, 1, MAX_LIMIT);
  if (sessions?.statuses.includes(SessionStatus.ACTIVE)) {
    check.refuse("sessions.statuses", "expected final ones, got ACTIVE");
  }
  check.done();
  const filter: SessionFilter = Object.assign(create(SessionFilterSchema), sessions);
  if (filter.statuses.length === 0) filter.statuses = FINISHED;
  return { minSupport, maxLength, limit, filter };
}

/** All steps, while they are few enough to be held. @throws LIMIT_EXCEEDED */
async function collectSteps(pages: ReturnType<typeof finishedSteps>): Promise<SessionSteps> {
  const steps = new SessionSteps();
  for await (const page of pages) {
    steps.add(page);
    if (steps.stepCount > MAX_STEPS) throw tooMany("actions in all", MAX_STEPS);
    // Each is a sequence of length one.
    if (steps.actionCount > MAX_CANDIDATES)
      throw tooMany("different sequences of one length", MAX_CANDIDATES);
  }
  return steps;
}

function tooMany(what: string, limit: number): HoldfastError {
  const message = `expected at most ${limit} ${what}, got more: ${MINING.advice}`;
  const metadata = { limit: String(limit), actual: String(limit + 1) };
  return new HoldfastError(ErrorReason.LIMIT_EXCEEDED, message, { metadata });
}

interface KeptPatterns {
  /** Those that are not deleted, as they are now. */
  readonly byId: ReadonlyMap<string, CrossSessionPattern>;
  readonly created: number;
  readonly updated: number;
}

async function keepPatterns(
  context: MinePatternsContext,
  tenantId: string,
  found: readonly CrossSessionPattern[],
  by: Attribution,
): Promise<KeptPatterns> {
  let created = 0;
  let updated = 0;
  for (let round = 1; ; round += 1) {
    const ids = found.map((pattern) => pattern.id);
    const stored = (await context.patterns.batchGet(
      tenantId,
      ids,
      NO_MIN_POSITION,
    )) as unknown as CrossSessionPattern[];
    const byId = new Map(stored.map((pattern) => [pattern.id, pattern]));
    const entries = found.flatMap((pattern) => entryFor(context, pattern, byId.get(pattern.id), by));
    // Each pattern stands alone, and mining again completes what is missing.
    const outcomes = await context.appender.append(tenantId, entries, { isDivisible: true });
    let isContended = false;
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome instanceof HoldfastError) {
        if (!isPassing(outcome) || round >= MAX_ROUNDS) throw outcome;
        isContended = true;
      } else {
        if (!outcome.duplicate && entries[i]?.verb === "create") created += 1;
        if (!outcome.duplicate && entries[i]?.verb === "patch") updated += 1;
        const record = outcome.record();
        if (record) byId.set(outcome.id, record as unknown as CrossSessionPattern);
      }
    }
    if (isContended) continue;
    for (const [id, pattern] of byId) if (pattern.deleteTime) byId.delete(id);
    return { byId, created, updated };
  }
}

/** Whether another look at what is stored settles it: it was created or deleted meanwhile. */
function isPassing({ reason }: HoldfastError): boolean {
  return reason === ErrorReason.ID_CONFLICT || reason === ErrorReason.NOT_FOUND;
}

function entryFor(
  { preparer, patterns }: MinePatternsContext,
  found: CrossSessionPattern,
  kept: CrossSessionPattern | undefined,
  by: Attribution,
): readonly PreparedEntry[] {
  const { codec } = patterns;
  if (!kept) return [{ ...preparer.create(codec, found as unknown as FieldBag, ""), by, wantsRecord: true }];
  if (kept.deleteTime || Object.keys(minedChanges(kept, found)).length === 0) return [];
  const entry = preparer.patch({
    codec,
    id: kept.id,
    requestId: "",
    schema: MinePatternsRequestSchema,
    request: create(MinePatternsRequestSchema),
    fields: (current) => minedChanges(current as unknown as CrossSessionPattern, found),
    path: "",
    idField: "id",
  });
  return [{ ...entry, by, wantsRecord: true }];
}
