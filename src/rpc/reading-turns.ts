import type { ServerHttp2Session } from "node:http2";

/** Milliseconds that one connection may be read in one round of the event loop, beyond the 64 KiB that are at hand. */
const SLICE_MS = 5;
/** Streams and parts of messages between two looks at the clock. */
const PARTS_A_LOOK = 16;

/** The system's side of a socket, as Node's own code uses it. */
interface SocketHandle {
  readStart(): void;
  readStop(): void;
}

/** What one connection has sent in the round of the event loop that it was last read in. */
interface Reading {
  round: number;
  since: number;
  parts: number;
}

/**
 * Lets connections take turns at being read. Node reads up to two mebibytes of one connection before it looks at the
 * next, and a client decides how much work those are: thousands of streams, or a message in parts of one byte. A
 * connection that keeps the event loop for longer than a slice is not read until it has its turn again, one
 * connection in each round.
 */
export class ReadingTurns {
  readonly #readings = new WeakMap<ServerHttp2Session, Reading>();
  readonly #stopped = new Set<ServerHttp2Session>();
  #round = 0;
  #isGoingRound = false;

  /** To be told of each stream that is begun on this connection, and of each part of a message. */
  came(session: ServerHttp2Session): void {
    this.#goRound();
    const reading = this.#readings.get(session);
    if (!reading) {
      this.#readings.set(session, { round: this.#round, since: performance.now(), parts: 0 });
      return;
    }
    if (reading.round !== this.#round) {
      reading.round = this.#round;
      reading.since = performance.now();
      reading.parts = 0;
      return;
    }
    reading.parts += 1;
    if (reading.parts % PARTS_A_LOOK !== 0 || performance.now() - reading.since < SLICE_MS) return;
    if (this.#stopped.has(session)) return;
    this.#stopped.add(session);
    handleOf(session)?.readStop();
  }

  #goRound(): void {
    if (this.#isGoingRound) return;
    this.#isGoingRound = true;
    setImmediate(() => {
      this.#isGoingRound = false;
      this.#round += 1;
      this.#readOne();
    });
  }

  #readOne(): void {
    const [session] = this.#stopped;
    if (!session) return;
    this.#stopped.delete(session);
    handleOf(session)?.readStart();
    if (this.#stopped.size > 0) this.#goRound();
  }
}

/** Node has no public way to stop reading a connection of HTTP/2. Undefined when it is closed. */
function handleOf(session: ServerHttp2Session): SocketHandle | undefined {
  if (session.destroyed) return undefined;
  return (session.socket as unknown as { _handle: SocketHandle | null })._handle ?? undefined;
}
