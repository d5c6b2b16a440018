import { randomUUID } from "node:crypto";
import type { Codecs } from "../entities/codecs.js";
import type { AccessRow, CommitRow } from "../store/archive/read-log.js";
import { createLogReader } from "../store/archive/read-log.js";
import { createLogReplay, type LogReplay } from "../store/archive/replay-log.js";
import { beginLogHash } from "../store/log-hash.js";
import { type OwnerSession, withOwnerSession } from "../store/owner-session.js";
import { databaseError } from "../store/sqlstate.js";
import { ArchiveError } from "./archive-error.js";
import type { ArchiveLine } from "./archive-line.js";
import { type ArchivedChange, archivedChanges } from "./archived-changes.js";
import { archivedFile } from "./export-archive.js";
import { exportFiles } from "./export-files.js";
import type { ImportOptions, ImportReport } from "./import-archive.js";
import { bytesMember, timeMember, wholeMember } from "./log-members.js";
import type { OpenedExport } from "./open-export.js";
import { memberValue } from "./record-json.js";
import { ReplayedCommit } from "./replayed-commit.js";
import { verifyEnds } from "./verify-ends.js";

/** Rows of the smaller tables written in one statement. */
const BATCH = 1000;

/**
 * Writes a whole tenant's log where that tenant has none: the same positions,
 * times, revisions and hashes. All of it is one transaction, which commits only
 * after the log was verified and its files come out the same again.
 *
 * @throws ArchiveError occupied, damaged, truncated, version
 */
export function importLog(
  source: OpenedExport,
  options: ImportOptions,
  tenantId: string,
): Promise<ImportReport> {
  const { scope, log } = source.manifest;
  const end = { tenant_id: tenantId, log_id: log.log_id, position: log.position, hash: log.hash };
  return withOwnerSession(
    options.url,
    "READ WRITE",
    async (session) => {
      const replay = createLogReplay(session, tenantId);
      // The id names one tenant's log: under another tenant it is another log.
      const logId = tenantId === scope.tenant_id ? log.log_id : randomUUID();
      const position = BigInt(log.position);
      const report = { tenantId, position, hash: log.hash, isLog: true, leftOut: 0, refusals: [] };
      if (!(await replay.begin(logId))) {
        await requireSame(replay, tenantId, log);
        return { ...report, added: 0, alreadyThere: Number(position) };
      }
      const totals = await replayCommits(source, options, replay);
      if (totals.position !== position || totals.hash.toString("hex") !== log.hash) {
        throw new ArchiveError(
          "damaged",
          `expected the log to end at position ${position} with hash ${log.hash}, got ${totals.position} and ${totals.hash.toString("hex")}`,
        );
      }
      await replay.end(totals);
      for await (const rows of batches(accessRows(source))) await replay.memoryAccess(rows);
      options.onProgress?.({ what: "verifying", rows: Number(position) });
      await verifyEnds(session, options.codecs, [end], tenantId);
      await requireSameFiles(source, session, options.codecs, tenantId);
      return { ...report, added: Number(position), alreadyThere: 0 };
    },
    options.signal,
  );
}

/** Twice the same export is once; anything else in the tenant's log would have to make way. */
async function requireSame(
  replay: LogReplay,
  tenantId: string,
  { position, hash }: OpenedExport["manifest"]["log"],
): Promise<void> {
  const there = await replay.hashAt(BigInt(position));
  if (there && Buffer.from(there).toString("hex") === hash) return;
  throw new ArchiveError(
    "occupied",
    `tenant ${tenantId} has a log already, which is not this one: a whole tenant is imported where it has none; ` +
      "--tenant imports it as another",
  );
}

async function replayCommits(source: OpenedExport, options: ImportOptions, replay: LogReplay) {
  const changes = archivedChanges(source, options.codecs);
  const counts = new Map<number, [number, number, number]>();
  let [position, commitMicros, hash] = [0n, 0n, Buffer.alloc(0)];
  for await (const commits of batches(commitLines(source))) {
    for (const { where, ...commit } of commits) {
      if (commit.firstPosition !== position + 1n || commit.position < commit.firstPosition) {
        throw new ArchiveError(
          "damaged",
          `${where}: expected a commit that begins at position ${position + 1n}`,
        );
      }
      const replayed = new ReplayedCommit(counts);
      const chain = beginLogHash(hash, commit);
      for (let at = commit.firstPosition; at <= commit.position; at += 1n) {
        const change = await takeChange(changes, at, commit);
        chain.update(change.contentHash);
        replayed.add(change);
      }
      hash = chain.digest();
      if (!hash.equals(commit.hash)) {
        const range = `positions ${commit.firstPosition} to ${commit.position}`;
        throw new ArchiveError("damaged", `${where} was altered: ${range} do not lead to its hash`);
      }
      await putCommit(replay, replayed, commit, where);
      ({ position, commitMicros } = commit);
      options.onProgress?.({ what: "importing", rows: Number(position) });
    }
    await replay.commits(commits);
  }
  const extra = await changes.next();
  if (!extra.done) throw new ArchiveError("damaged", `${extra.value.where} is past the last commit`);
  return { position, hash, commitMicros, counts };
}

async function takeChange(
  changes: AsyncGenerator<ArchivedChange, void>,
  position: bigint,
  { commitMicros }: CommitRow,
): Promise<ArchivedChange> {
  const next = await changes.next();
  if (next.done) throw new ArchiveError("truncated", `position ${position}: no file has it`);
  const { where } = next.value;
  if (next.value.position !== position) {
    throw new ArchiveError("damaged", `${where}: expected position ${position}, got ${next.value.position}`);
  }
  if (next.value.commitMicros !== commitMicros) {
    throw new ArchiveError("damaged", `${where} was altered: its time is not that of its commit`);
  }
  return next.value;
}

/** What Postgres finds wrong with rows is wrong with the file: a revision out of order, an id or name used twice. */
async function putCommit(
  replay: LogReplay,
  replayed: ReplayedCommit,
  commit: CommitRow,
  where: string,
): Promise<void> {
  try {
    await replay.put(replayed, commit);
    for (const { codec, record, outside = {}, where: line } of replayed.noted) {
      const [unknown] = await replay.setOutside(codec, record.id as string, outside);
      if (unknown === undefined) continue;
      throw new ArchiveError(
        "version",
        `${line} has ${JSON.stringify(unknown)} outside, which this version does not know`,
      );
    }
  } catch (error) {
    const refusal = databaseError(error);
    if (!refusal || !/^(2[23]|HF)/.test(refusal.code)) throw error;
    const range = `positions ${commit.firstPosition} to ${commit.position}`;
    throw new ArchiveError(
      "damaged",
      `${where}: ${range} do not fit together: ${(error as Error).message}`,
      error,
    );
  }
}

/** The files of current state are not written from: what the log leads to must be what they hold. */
async function requireSameFiles(
  source: OpenedExport,
  session: OwnerSession,
  codecs: Codecs,
  tenantId: string,
): Promise<void> {
  const reader = createLogReader(session, codecs, { tenantId });
  for (const file of exportFiles(codecs, true).filter(({ holds }) => holds === "current")) {
    const expected = source.manifest.files.find(({ name }) => name === file.name);
    const { sha256, lines } = await archivedFile(file, reader);
    if (lines === (expected?.lines ?? 0) && (lines === 0 || sha256 === expected?.sha256)) {
      // The file itself too must be what the manifest says.
      if (expected) for await (const _ of source.lines(expected));
      continue;
    }
    throw new ArchiveError(
      "damaged",
      `${file.name}: expected what the log leads to, ${lines} lines with SHA-256 ${sha256}, got ${expected?.lines ?? 0} with ${expected?.sha256}`,
    );
  }
}

async function* commitLines(
  source: OpenedExport,
): AsyncGenerator<CommitRow & { readonly where: string }, void> {
  for await (const line of linesThatHold(source, "commits")) {
    yield {
      position: wholeMember(line, "position"),
      firstPosition: wholeMember(line, "first_position"),
      commitMicros: timeMember(line, "commit_time"),
      hash: bytesMember(line, "hash"),
      where: line.where,
    };
  }
}

async function* accessRows(source: OpenedExport): AsyncGenerator<AccessRow, void> {
  for await (const { record, where } of linesThatHold(source, "memory_access")) {
    yield {
      memoryId: memberValue("uuid", record.get("memory_id"), where) as string,
      accessMicros: memberValue("timestamptz", record.get("access_time"), where) as bigint,
      accessCount: memberValue("bigint", record.get("access_count"), where) as bigint,
    };
  }
}

async function* linesThatHold(
  source: OpenedExport,
  holds: "commits" | "memory_access",
): AsyncGenerator<ArchiveLine, void> {
  for (const file of source.manifest.files) if (file.holds === holds) yield* source.lines(file);
}

async function* batches<T>(items: AsyncIterable<T>): AsyncGenerator<T[], void> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
