import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { formatHost } from "../core/postgres-hosts.js";
import { Heartbeat } from "./heartbeat.js";
import type { Primary } from "./primary.js";
import { StatementWatch } from "./statement-watch.js";

/** What a database can be at a moment. */
export const DATABASE_STATES = [
  /** Writes are committed. */
  "writable",
  /** It answers, but a COMMIT does not end: the synchronous standby is away, the disk hangs, or somebody holds a lock. */
  "stalled",
  /** It answers and refuses to write: it is a standby, or was told to be read-only. */
  "read-only",
  /** Two of its servers take writes and neither is the newer one: nothing is written until an operator stops one. */
  "conflicting",
  /** It answers and cannot write: the disk is full, the language or a routine of the append path cannot be used. */
  "failing",
  /** It does not answer, or takes no connection. */
  "unreachable",
] as const;

export type DatabaseState = (typeof DATABASE_STATES)[number];

export interface DatabaseProbe {
  readonly state: DatabaseState;
  /** To be told of each write that was committed: then a heartbeat that takes long is only late. */
  committed(): void;
  close(): void;
}

/** A heartbeat without an answer for so long, in ms, makes the state another one; with the interval less than 2 s. */
const SILENCE_MS = 1700;
/** After so long without an answer, in ms, Postgres is asked what became of the heartbeat; enough is left for it to answer. */
const DOUBT_MS = 500;

/**
 * Writes a heartbeat every so often, and tells `onChange` when the state of the database is another one. The state is
 * `writable` at first. It uses connections of its own: calls may hold all others.
 */
export function probeDatabase(options: {
  primary: Primary;
  /** Of this server. */
  version: string;
  intervalMs: number;
  logger: Logger;
  onChange: (state: DatabaseState) => void;
}): DatabaseProbe {
  const { primary, version, intervalMs, logger, onChange } = options;
  const heartbeat = new Heartbeat(primary, { id: randomUUID(), version }, logger);
  const watch = new StatementWatch(primary, heartbeat.statement);
  let state: DatabaseState = "writable";
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let committedAt = Number.NEGATIVE_INFINITY;

  const look = async (): Promise<DatabaseState> => {
    const since = performance.now();
    const beat = heartbeat.beat();
    const result = await within(DOUBT_MS, beat);
    if (result !== undefined) {
      watch.disconnect();
      return result;
    }
    let isUnderWay: boolean | undefined;
    watch.isUnderWay().then(
      (answer) => {
        isUnderWay = answer;
      },
      () => {},
    );
    for (;;) {
      const remainingMs = Math.max(since, committedAt) + SILENCE_MS - performance.now();
      if (remainingMs <= 0) break;
      const late = await within(remainingMs, beat);
      if (late !== undefined) return late;
    }
    if (isUnderWay) return "stalled";
    // Either Postgres does not answer, or it has answered and the answer was lost. The next look takes other connections.
    watch.disconnect();
    if (isUnderWay === false) heartbeat.disconnect();
    return "unreachable";
  };

  const run = async () => {
    const found = await look();
    if (closed) return;
    if (found !== state) {
      state = found;
      if (state === "writable") logger.warn({ state }, "the database is back");
      else {
        const level = state === "conflicting" ? "error" : "warn";
        logger[level]({ state, reason: heartbeat.failure }, "the database takes no writes");
      }
      onChange(state);
    }
    timer = setTimeout(() => void run(), intervalMs);
  };
  timer = setTimeout(() => void run(), intervalMs);
  const forgetMoves = primary.onMoved(() => {
    const server = primary.host && formatHost(primary.host);
    logger.warn(
      { server },
      "connections to the database are made anew: it has, or may have, another primary",
    );
  });
  return {
    get state() {
      return state;
    },
    committed() {
      committedAt = performance.now();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      forgetMoves();
      heartbeat.disconnect();
      watch.disconnect();
    },
  };
}

/** What is answered in time, undefined if nothing is. */
function within<T>(ms: number, answer: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const giveUp = () => resolve(undefined);
    // When it is this process that was slow the answer is here, and is read before the next `setImmediate`.
    const timer = setTimeout(() => setImmediate(giveUp), ms);
    void answer.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
