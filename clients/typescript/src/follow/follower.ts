import type { DescMethodServerStreaming, Message } from "@bufbuild/protobuf";
import type { ClientReadableStream } from "@grpc/grpc-js";
import type { Cursor as CursorMessage } from "../../../../gen/holdfast/v1/log_pb.js";
import type { StreamOptions, Transport } from "../call/transport.js";
import { HoldfastError } from "../holdfast-error.js";
import type { Input } from "../wire/input.js";
import { type Cursor, cursorFromMessage } from "./cursor.js";
import type { FollowOptions } from "./follow-options.js";
import { resumedStream } from "./resumed-stream.js";

/** What a page says of the log, whatever it carries. */
interface FollowedPage {
  readonly cursor: Cursor;
  readonly caughtUp: boolean;
}

/** What every answer of a followed stream has. */
interface Progress {
  readonly caughtUp: boolean;
  readonly cursor?: CursorMessage | undefined;
}

/** A stream to follow and how its answers read. */
export interface FollowedStream<T, P, R> {
  readonly method: DescMethodServerStreaming;
  /** What to ask for, the place aside. */
  readonly request: object;
  page(answer: R, place: FollowedPage): P;
  items(page: P): readonly T[];
  /** Where the consumer is within a page; without it only the end of a page is a place to resume at. */
  positionOf?(item: T): bigint;
}

/**
 * Follows a log from a place on, across restarts of the server: what comes after, in order, once. Iterate over it
 * (items) or over {@link pages}, once; leaving the loop ends it. It reads at most one page ahead of its consumer;
 * the server keeps the rest.
 *
 * Iterating throws {@link HoldfastError} for what waiting does not mend: a cursor of another log
 * (FOREIGN_CURSOR), one from the future (POSITION_IN_FUTURE), a log that lost part of what was told and has another
 * history since (LOG_DIVERGED), missing rights; and CANCELLED when its signal fires.
 */
export abstract class Follower<T, P extends FollowedPage, R extends Progress> implements AsyncIterable<T> {
  readonly #stop = new AbortController();
  readonly #pages: AsyncGenerator<P>;
  readonly #stream: FollowedStream<T, P, R>;
  /** The page that {@link opened} asked for, until somebody iterates. */
  #first: Promise<IteratorResult<P>> | undefined;
  #isStarted = false;
  readonly #confirmed: Promise<void>;
  #confirm: () => void = () => {};
  #fail: (reason: unknown) => void = () => {};
  #taken = false;
  /** After which position the next call starts: the end of the last page. */
  #resume: Cursor | undefined;
  /** Where the consumer is: within a page its position is before that of the page. */
  #place: Cursor | undefined;
  #caughtUp = false;

  /** From `after` on, a cursor whose log may be unknown (""); else from where the server begins by itself. */
  protected constructor(
    transport: Transport,
    stream: FollowedStream<T, P, R>,
    after: Cursor | undefined,
    options: FollowOptions,
  ) {
    this.#resume = after;
    this.#place = after;
    this.#stream = stream;
    this.#confirmed = new Promise((resolve, reject) => {
      this.#confirm = resolve;
      this.#fail = reject;
    });
    // Nobody has to ask.
    this.#confirmed.catch(() => {});
    this.#pages = this.#read(transport, options);
  }

  /**
   * Where to resume so that nothing is missed; undefined before the server has spoken. Save it after an item is
   * dealt with.
   */
  get cursor(): Cursor | undefined {
    if (this.#place === undefined || !this.#resume?.logId) return undefined;
    return { ...this.#place, logId: this.#resume.logId };
  }

  /** Whether everything there was has been handed out, so that what follows is live. */
  get caughtUp(): boolean {
    return this.#caughtUp;
  }

  /**
   * Starts, and resolves when the server has confirmed the place: whatever is recorded from then on will be
   * delivered, also when it began at "now". Iterating starts it as well: before, meanwhile and afterwards it may be
   * asked for as often as one likes. Throws what iterating throws if that comes first.
   */
  async opened(): Promise<void> {
    if (!this.#isStarted) {
      this.#first = this.#next();
      // Whoever iterates hears of it.
      this.#first.catch(() => {});
    }
    await this.#confirmed;
  }

  /** The pages as the server sends them, checkpoints included. */
  async *pages(): AsyncGenerator<P, void, undefined> {
    this.#take();
    try {
      for (;;) {
        const { value: page, done } = await this.#next();
        if (done) return;
        this.#place = page.cursor;
        this.#caughtUp = page.caughtUp;
        yield page;
      }
    } finally {
      this.close();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    this.#take();
    try {
      for (;;) {
        const { value: page, done } = await this.#next();
        if (done) return;
        for (const item of this.#stream.items(page)) {
          if (this.#stop.signal.aborted) break;
          const position = this.#stream.positionOf?.(item);
          // Its commit ends at the end of the page or after it: so it says which history the item is of as well.
          if (position !== undefined) this.#place = { ...page.cursor, position };
          yield item;
        }
        if (this.#stop.signal.aborted) continue;
        this.#place = page.cursor;
        this.#caughtUp = page.caughtUp;
      }
    } finally {
      this.close();
    }
  }

  /** Ends it: the call is cancelled, and a loop over it ends without an error. */
  close(): void {
    this.#stop.abort();
    // Runs the cleanup of a reader that is between two pages; one that waits is woken by the abort.
    this.#pages.return(undefined).catch(() => {});
  }

  #take(): void {
    if (this.#taken) throw new TypeError("it can be iterated over once");
    this.#taken = true;
  }

  #next(): Promise<IteratorResult<P>> {
    this.#isStarted = true;
    const first = this.#first;
    this.#first = undefined;
    if (first) return first;
    const next = this.#pages.next();
    // With the first page, or the end. A promise is settled once: what comes later changes nothing.
    next.then(this.#confirm, this.#fail);
    return next;
  }

  async *#read(transport: Transport, options: FollowOptions): AsyncGenerator<P, void, undefined> {
    const { method, request, page } = this.#stream;
    const { metadata } = options;
    // The types of request and answer are those of the method: whoever names the stream gives them together.
    const call = (options: StreamOptions) => {
      const asked: object = { ...request, after: this.#resume };
      const settings = { ...options, signal: this.#stop.signal, metadata };
      const answers: Promise<unknown> = transport.serverStream(method, asked as Input<Message>, settings);
      return answers as Promise<ClientReadableStream<R>>;
    };
    for await (const answer of resumedStream(transport, call, this.#stop, options)) {
      yield page(answer, this.#advance(answer));
    }
  }

  #advance({ caughtUp, cursor: message }: Progress): FollowedPage {
    const before = this.#resume;
    const told = cursorFromMessage(message);
    const { logId } = told;
    if (before?.logId && logId !== "" && before.logId !== logId) {
      throw new HoldfastError(`expected the log ${before.logId}, got ${logId}`, {
        code: "FAILED_PRECONDITION",
        reason: "FOREIGN_CURSOR",
        metadata: { log_id: before.logId, current_log_id: logId },
      });
    }
    const cursor = { ...told, logId: logId || (before?.logId ?? "") };
    this.#resume = cursor;
    return { cursor, caughtUp };
  }
}
