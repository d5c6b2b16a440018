import type { StoredLog } from "./stored-log.js";

/** A log as one primary after the other had it. */
export interface Histories {
  /** What the last primary has. */
  readonly last: History;
  /** The first is that of the first primary. */
  readonly all: readonly History[];
}

/** What one primary had of a log. */
export interface History {
  readonly log: StoredLog;
  /** The last position that it has in common with the last history. */
  readonly common: number;
  /** Something may have been lost of it since then; never of the last. In milliseconds of the clock that all processes share. */
  readonly since: number;
  /** When all servers had gone to the next primary. */
  readonly until: number;
}

/** A stretch of time in which a primary had what no standby received, and that primary's log. */
export interface LostLog {
  readonly since: number;
  readonly until: number;
  readonly log: StoredLog;
}

/** How long after the end of a history something of it may still reach a client: it may be slow, and buffers are full. */
export const STILL_UNDER_WAY_MS = 20_000;

/** @param lost in their order. */
export function historiesOf(log: StoredLog, lost: readonly LostLog[]): Histories {
  const last = { log, common: log.end, since: Number.POSITIVE_INFINITY, until: Number.POSITIVE_INFINITY };
  return {
    last,
    all: [...lost.map((each) => ({ ...each, common: lastCommon(each.log, log) })), last],
  };
}

/** Whether a history is one that nobody is told any more. */
export function isOver(history: History, t: number): boolean {
  return t > history.until + STILL_UNDER_WAY_MS;
}

/** The history that had this write at this position and lost it, if an answer at that time could come of it. */
export function lostWrite(
  { all, last }: Histories,
  write: { readonly lane: number; readonly n: number; readonly position: number; readonly t: number },
): History | undefined {
  return all.find(
    (history) =>
      history !== last &&
      write.position > history.common &&
      write.t >= history.since &&
      !isOver(history, write.t) &&
      has(history.log, write),
  );
}

/** Whether some history lost this write, wherever it had it. */
export function wasLost({ all, last }: Histories, lane: number, n: number): boolean {
  return all.some((history) => {
    if (history === last) return false;
    for (let position = history.common + 1; position <= history.log.end; position++) {
      if (has(history.log, { lane, n, position })) return true;
    }
    return false;
  });
}

export function has(
  log: StoredLog,
  { lane, n, position }: { readonly lane: number; readonly n: number; readonly position: number },
): boolean {
  return log.lanes[position] === lane && log.numbers[position] === n;
}

/** A hash is of everything up to it. */
function lastCommon(a: StoredLog, b: StoredLog): number {
  let common = 0;
  for (const [position, hash] of a.commits) {
    if (position > common && b.commits.get(position) === hash) common = position;
  }
  return common;
}
