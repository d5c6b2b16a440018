import type { EntityCodec } from "../entities/entity-codec.js";
import { recordFromState } from "../entities/stored-record.js";
import type { Run } from "../store/database.js";
import { findFittingRecords } from "../store/fitting-records.js";
import { foundOf } from "../store/fitting-rows.js";
import { lockRows, type RequestAnswer, revisionsByRequest, serialise } from "../store/flush-reads.js";
import { type BatchEnd, halfOfBatches, wholeBatches } from "./batch-ends.js";
import type { RulesByEntity } from "./entity-rules.js";
import { byCodec, entryKey, type FlushFacts, factKey, unique } from "./flush-facts.js";
import type { AppendEntry, Choice, PreparedEntry } from "./prepared-entry.js";

export interface StateToLoad {
  readonly tenantId: string;
  readonly entries: readonly PreparedEntry[];
  /** Of the batches of the entries. */
  readonly ends: readonly BatchEnd[];
  /** What is read is added to these. */
  readonly facts: FlushFacts;
}

export interface LoadContext {
  readonly rules: RulesByEntity;
  /** How many bytes of rows may be read; one entry alone may take more. */
  readonly maxFlushBytes: number;
}

/**
 * Locks and reads the rows that entries change, and what earlier requests with
 * their ids left. Everything is asked for before the first answer is awaited.
 *
 * @returns how many of the entries, from the first on, can be planned with what was read: batches as a whole, or a part
 * of the first; 0 if that is too large and may not be divided
 */
export async function loadState(run: Run, state: StateToLoad, context: LoadContext): Promise<number> {
  const { entries, ends } = state;
  const [first] = ends;
  // The statements of one entity each have an equal part.
  const groups = new Set(changesOf(entries).map(({ codec }) => codec)).size;
  const count = wholeBatches(
    ends,
    await loadWithin(run, state, context, Math.ceil(context.maxFlushBytes / groups)),
  );
  if (count > 0 || !first || groups === 1) return count;
  // A batch is refused for what it is, and not for what shares a flight with it: alone it may read more.
  const alone = { ...state, entries: entries.slice(0, first.count), ends: [first] };
  return wholeBatches(alone.ends, await loadWithin(run, alone, context, context.maxFlushBytes));
}

/**
 * @param room how many bytes of rows each statement may read
 * @returns as `loadState`
 */
async function loadWithin(
  run: Run,
  state: StateToLoad,
  { rules }: LoadContext,
  room: number,
): Promise<number> {
  const { tenantId, entries, ends, facts } = state;
  const waits: Promise<unknown>[] = [];
  const groups = [...byCodec(changesOf(entries))];
  /** Keys of rows, and of requests, that there was no room for. */
  const unread = new Set<string>();
  for (const [codec] of groups) {
    if (rules.get(codec.entity)?.isSerialised) waits.push(run(serialise(codec, tenantId)));
  }
  for (const [codec, group] of groups) {
    const ids = unique(group.map((entry) => entry.id).filter((id) => id !== ""));
    waits.push(
      run(lockRows(codec, tenantId, ids)).then(() => {}),
      findFittingRecords(run, codec, { tenantId, ids, maxBytes: room }).then(({ records, hasMore }) => {
        for (const record of records) facts.current.set(factKey(codec, record.id as string), record);
        if (hasMore) addBehind(unread, codec, ids, records.at(-1)?.id);
      }),
      loadRequests(run, codec, tenantId, group, facts, room).then(({ ids, last, hasMore }) => {
        if (hasMore) addBehind(unread, codec, ids, last);
      }),
    );
  }
  await Promise.all(waits);
  const isUnread = (entry: PreparedEntry) =>
    entry.verb !== "append" &&
    (unread.has(factKey(entry.codec, entry.id)) || unread.has(factKey(entry.codec, entryKey(entry))));
  const firstUnread = unread.size === 0 ? -1 : entries.findIndex(isUnread);
  let count = firstUnread < 0 ? entries.length : wholeBatches(ends, firstUnread);
  while (count > 0 && !(await loadBeyond(run, tenantId, entries.slice(0, count), facts, rules, room))) {
    count = wholeBatches(ends, halfOfBatches(ends, count));
  }
  return count;
}

function addBehind(unread: Set<string>, codec: EntityCodec, ids: readonly string[], last: unknown): void {
  for (const id of ids.slice(ids.indexOf(last as string) + 1)) unread.add(factKey(codec, id));
}

/** Reads what earlier requests with the entries' ids left. Returns these ids, and the last one that was found. */
async function loadRequests(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  group: readonly ChangeEntry[],
  facts: FlushFacts,
  maxBytes: number,
): Promise<{ readonly ids: readonly string[]; readonly last: unknown; readonly hasMore: boolean }> {
  const wanted = new Map<string, boolean>();
  for (const entry of group) {
    const key = entryKey(entry);
    wanted.set(key, entry.wantsRecord === true || wanted.get(key) === true);
  }
  const asked = [...wanted].map(([requestId, withState]) => ({ requestId, withState }));
  const rows = await run<RequestAnswer>(revisionsByRequest(codec, tenantId, asked, maxBytes));
  for (const [requestId, hash, position, id, state, syncTimeline] of rows) {
    const record = state === null ? undefined : recordFromState(codec, state);
    facts.earlier.set(factKey(codec, requestId), { hash, position, id, record, syncTimeline });
  }
  return { ids: [...wanted.keys()], last: rows.at(-1)?.[0], hasMore: rows.length < foundOf(rows) };
}

/** Reads what is not found by the entries' own ids. Returns whether it was within the bytes. */
async function loadBeyond(
  run: Run,
  tenantId: string,
  entries: readonly PreparedEntry[],
  facts: FlushFacts,
  rules: RulesByEntity,
  maxBytes: number,
): Promise<boolean> {
  // One entry cannot be divided: its rows are read, however large.
  const bound = entries.length === 1 ? Number.MAX_SAFE_INTEGER : maxBytes;
  for (const [codec, group] of byCodec(changesOf(entries))) {
    const bounds = { limit: group.length, maxBytes: bound };
    const found = await Promise.all(
      choices(group).map((choice) => choice.load(run, codec, tenantId, facts, bounds)),
    );
    if (found.includes(false)) return false;
    if ((await rules.get(codec.entity)?.load?.(run, codec, tenantId, group, facts, bound)) === false)
      return false;
  }
  return true;
}

type ChangeEntry = Exclude<PreparedEntry, AppendEntry>;

function changesOf(entries: readonly PreparedEntry[]): ChangeEntry[] {
  return entries.filter((entry): entry is ChangeEntry => entry.verb !== "append");
}

/** How the entries' things are to be found, each set of candidates once. */
function choices(group: readonly PreparedEntry[]): readonly Choice[] {
  const found = group.flatMap((entry) => (entry.verb === "patch" && entry.choice ? [entry.choice] : []));
  return [...new Map(found.map((choice) => [choice.key, choice])).values()];
}
