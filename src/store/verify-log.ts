import { ChangeType } from "../../gen/holdfast/v1/log_pb.js";
import { microsFromTimestamp } from "../core/time.js";
import type { Codecs } from "../entities/codecs.js";
import { recordFromStored } from "../entities/stored-record.js";
import type { CommittedChange } from "./committed-change.js";
import type { Connections, Run } from "./database.js";
import { beginLogHash } from "./log-hash.js";
import { type LogHead, readLogHead } from "./log-head.js";
import { readChanges } from "./read-changes.js";

/** Positions recomputed at a time. */
const WINDOW = 2000n;
/** Bytes of content held at a time; a window of large entries is read in several pages. */
const WINDOW_BYTES = 16 * 1024 * 1024;

export interface LogReport {
  readonly logId: string;
  readonly position: bigint;
  readonly hash: Uint8Array;
  readonly difference: string | undefined;
}

type Commit = [position: bigint, firstPosition: bigint, commitMicros: bigint, hash: Buffer];
type StoredHash = [position: bigint, contentHash: Buffer];

/** A change's own hash, recomputed, and when it was committed. */
interface Recomputed {
  readonly contentHash: Buffer;
  readonly commitMicros: bigint;
}

/** Thrown inside this file only: the first difference ends the work. */
class Difference extends Error {}

/** Walks one tenant's log from the start, recomputing every hash from the content. */
export async function verifyLog(database: Connections, codecs: Codecs, tenantId: string): Promise<LogReport> {
  const head = await database.read(tenantId, (run) => readLogHead(run, tenantId));
  let position = 0n;
  let hash: Uint8Array = new Uint8Array();
  const report = (difference?: string) => ({ logId: head.logId, position, hash, difference });
  // Contents of positions whose commit reaches past the window.
  const open = new Map<bigint, Recomputed>();
  try {
    for (let from = 0n; from < head.position; from += WINDOW) {
      const upTo = from + WINDOW < head.position ? from + WINDOW : head.position;
      const window = { tenantId, after: from, upTo };
      for (const [at, change] of await readContents(database, codecs, window)) open.set(at, change);
      const commits = await database.read(tenantId, (run) => readCommits(run, window));
      for (const commit of commits) {
        hash = checkCommit(commit, position, hash, open);
        position = commit[0];
      }
    }
    checkHead(head, position, hash);
    await checkPastEnd(database, codecs, tenantId, head);
    return report();
  } catch (error) {
    if (error instanceof Difference) return report(error.message);
    throw error;
  }
}

interface Window {
  readonly tenantId: string;
  readonly after: bigint;
  readonly upTo: bigint;
}

/** Every change of the window, in order, its content checked against its stored hash. */
async function readContents(
  database: Connections,
  codecs: Codecs,
  { tenantId, after, upTo }: Window,
): Promise<Map<bigint, Recomputed>> {
  const contents = new Map<bigint, Recomputed>();
  let through = after;
  while (through < upTo) {
    const from = through;
    const [page, stored] = await database.read(tenantId, (run) =>
      Promise.all([
        readChanges(run, codecs, {
          tenantId,
          after: from,
          upTo,
          filter: { sessionIds: [], agentIds: [], kinds: [] },
          maxChanges: Number(WINDOW),
          maxBytes: WINDOW_BYTES,
        }),
        readStoredHashes(run, codecs, { tenantId, after: from, upTo }),
      ]),
    );
    let expected = from;
    for (const change of page.changes) {
      expected += 1n;
      checkPosition(change.position, expected);
      contents.set(change.position, recompute(codecs, change, stored.get(change.position)));
    }
    checkPosition(page.through + 1n, expected + 1n);
    through = page.through;
  }
  return contents;
}

function checkPosition(got: bigint, expected: bigint): void {
  if (got > expected) throw new Difference(`position ${expected}: nothing is stored there`);
  if (got < expected) throw new Difference(`position ${got}: two changes are stored there`);
}

function recompute(codecs: Codecs, change: CommittedChange, stored: Buffer | undefined): Recomputed {
  const codec = codecs.ofKind(change.kind);
  if (!codec) throw new TypeError(`no codec for kind ${change.kind}`);
  const { position, commitMicros } = change;
  const record = recordFromStored(codec, change.stored);
  const what = `position ${position}: ${codec.entity.name} ${record.id}`;
  const row = codec.toRow(record, { path: "", list: [] });
  const contentHash = codec.hash(row).sha256;
  if (!stored?.equals(contentHash)) throw new Difference(`${what} was altered: its content has another hash`);
  const sessionId = record.sessionId ?? record.id;
  if (change.sessionId !== sessionId || change.agentId !== record.agentId) {
    throw new Difference(`${what} was altered: it is filed under another session or agent`);
  }
  const isFirst = record.revision === undefined || record.revision === 1n;
  if ((change.change === ChangeType.CREATED) !== isFirst) {
    throw new Difference(`${what} was altered: it is recorded as ${ChangeType[change.change]}`);
  }
  const time = record.updateTime ?? record.createTime;
  if (record.position !== position || microsFromTimestamp(time as never) !== commitMicros) {
    throw new Difference(`${what} was altered: its position or time is not that of its change`);
  }
  return { contentHash, commitMicros };
}

/** The hash of everything up to a commit, recomputed from the hash before it and the contents it added. */
function checkCommit(
  [position, firstPosition, commitMicros, stored]: Commit,
  previous: bigint,
  previousHash: Uint8Array,
  contents: Map<bigint, Recomputed>,
): Buffer {
  if (firstPosition !== previous + 1n || position < firstPosition) {
    throw new Difference(`position ${previous + 1n}: no commit begins there`);
  }
  const hash = beginLogHash(previousHash, { firstPosition, position, commitMicros });
  for (let at = firstPosition; at <= position; at += 1n) {
    const content = contents.get(at);
    if (!content) throw new Difference(`position ${at}: nothing is stored there`);
    if (content.commitMicros !== commitMicros) {
      throw new Difference(`position ${at}: its time is not that of its commit`);
    }
    hash.update(content.contentHash);
    contents.delete(at);
  }
  const computed = hash.digest();
  if (!stored.equals(computed)) {
    throw new Difference(`position ${position}: the hash of everything up to there is another`);
  }
  return computed;
}

function checkHead(head: LogHead, position: bigint, hash: Uint8Array): void {
  if (position !== head.position) {
    throw new Difference(`position ${head.position}: the log ends there, its last commit at ${position}`);
  }
  if (!Buffer.from(head.hash).equals(hash)) {
    throw new Difference(`position ${head.position}: the log's own hash is another`);
  }
}

function readCommits(run: Run, { tenantId, after, upTo }: Window): Promise<Commit[]> {
  return run<Commit>({
    text: `
SELECT position, first_position, commit_time, hash FROM holdfast.commits
WHERE tenant_id = $1::uuid AND position > $2::bigint AND position <= $3::bigint ORDER BY position`,
    values: [tenantId, after, upTo],
  });
}

async function readStoredHashes(run: Run, codecs: Codecs, window: Window): Promise<Map<bigint, Buffer>> {
  const rows = await run<StoredHash>({
    text: hashTables(codecs)
      .map(
        (table) => `SELECT position, content_hash FROM holdfast.${table}
WHERE tenant_id = $1::uuid AND position > $2::bigint AND position <= $3::bigint`,
      )
      .join("\nUNION ALL\n"),
    values: [window.tenantId, window.after, window.upTo],
  });
  return new Map(rows);
}

/** A change past the end was never acknowledged by this log: it was put there by other hands. */
async function checkPastEnd(
  database: Connections,
  codecs: Codecs,
  tenantId: string,
  before: LogHead,
): Promise<void> {
  await database.read(tenantId, async (run) => {
    const head = await readLogHead(run, tenantId);
    const end = head.position > before.position ? head.position : before.position;
    const parts = hashTables(codecs).map(
      (table) => `(SELECT position FROM holdfast.${table}
WHERE tenant_id = $1::uuid AND position > $2::bigint ORDER BY position LIMIT 1)`,
    );
    const [row] = await run<[bigint]>({ text: parts.join("\nUNION ALL\n"), values: [tenantId, end] });
    if (row) throw new Difference(`position ${row[0]}: a change is stored past the end of the log, ${end}`);
  });
}

function hashTables(codecs: Codecs): readonly string[] {
  const appended = codecs.all.filter(({ entity }) => entity.nature === "append");
  return [...appended.map(({ entity }) => entity.table), "revisions"];
}
