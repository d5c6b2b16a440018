import {
  constants,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Server } from "@grpc/grpc-js";
import { FairTurns } from "../core/fair-turns.js";
import { ReadingTurns } from "./reading-turns.js";

/**
 * HTTP/2 streams of one connection that may be reset within a second while they wait to be served. Each costs Node
 * some 0.1 ms. A client that cancels calls resets them later, when they are being served, unless the server stood still.
 */
export const MAX_ABANDONED_STREAMS = 200;
/** Milliseconds. */
const SECOND = 1000;

type ServeStream = (interceptors: unknown, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** The streams of one connection that were reset while they waited, within the second that began at `since`. */
interface Abandoned {
  since: number;
  count: number;
}

/**
 * Decides when a stream that a client has begun is served. One packet can begin hundreds, and all that grpc-js and we
 * do for each costs about a millisecond: they are begun in slices, connections take turns, and a stream that its
 * client has reset by then is not served. A connection that resets too many of them is ended.
 */
export class NewStreams {
  readonly #turns = new FairTurns<ServerHttp2Session>();
  readonly #reading = new ReadingTurns();
  readonly #abandoned = new WeakMap<ServerHttp2Session, Abandoned>();
  readonly #onEnded: () => void;

  /** @param onEnded told of each connection that is ended */
  constructor(onEnded: () => void) {
    this.#onEnded = onEnded;
  }

  /** Stands in front of a server that has not begun to listen, and of all else that does. */
  guard(server: Server): void {
    const internals = server as unknown as { _channelzHandler: ServeStream };
    const serve = internals._channelzHandler.bind(server);
    internals._channelzHandler = (interceptors, stream, headers) => {
      this.#begin(stream, () => serve(interceptors, stream, headers));
    };
  }

  /** Calls `serve` when it is the turn of this stream, at once where nothing waits; never if it is reset before that. */
  #begin(stream: ServerHttp2Stream, serve: () => void): void {
    const session = stream.session as ServerHttp2Session | undefined;
    // Its connection has just been ended.
    if (!session || stream.destroyed) return;
    this.#reading.came(session);
    this.#countParts(session, stream);
    const turn = this.#turns.next(session);
    if (!turn) {
      serve();
      return;
    }
    const abandoned = () => this.#countAbandoned(session);
    stream.once("error", () => undefined);
    stream.once("aborted", abandoned);
    turn.then(() => {
      stream.off("aborted", abandoned);
      if (!stream.aborted && !stream.destroyed) serve();
    });
  }

  // Node gives each DATA frame to this method. A listener would make the stream flow before its message is wanted.
  #countParts(session: ServerHttp2Session, stream: ServerHttp2Stream): void {
    const push = stream.push;
    stream.push = (part, encoding) => {
      this.#reading.came(session);
      return push.call(stream, part, encoding);
    };
  }

  #countAbandoned(session: ServerHttp2Session): void {
    const now = performance.now();
    const abandoned = this.#abandoned.get(session);
    if (!abandoned || now - abandoned.since > SECOND) {
      this.#abandoned.set(session, { since: now, count: 1 });
      return;
    }
    abandoned.count += 1;
    if (abandoned.count <= MAX_ABANDONED_STREAMS || session.destroyed) return;
    this.#onEnded();
    // What it has sent already is not read any more: a GOAWAY alone would be answered by more of the same.
    session.destroy(new Error("too many streams were reset"), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
