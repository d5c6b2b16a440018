import type { ClientReadableStream } from "@grpc/grpc-js";
import {
  type Event,
  EventService,
  type SubscribeRequest,
  type SubscribeResponse,
} from "../../../gen/holdfast/v1/event_pb.js";
import { delay } from "./call/delay.js";
import { errorFromCall } from "./call/error-from-status.js";
import { PacedReads } from "./call/paced-reads.js";
import { retryDelayMs } from "./call/retry-policy.js";
import type { Transport } from "./call/transport.js";
import { cancelled, HoldfastError } from "./holdfast-error.js";
import type { Cursor, EventPage, SubscribeOptions } from "./subscription-options.js";
import type { Input } from "./wire/input.js";

/**
 * Follows the log: every matching event after a position, in order, once, across restarts of the server.
 * Iterate over it (events) or over {@link pages}, once; leaving the loop ends it. It reads at most one page
 * ahead of its consumer; the server keeps the rest.
 *
 * Iterating throws {@link HoldfastError} for what waiting does not mend: a cursor of another log
 * (FOREIGN_CURSOR), one from the future (POSITION_IN_FUTURE), missing rights; and CANCELLED when its signal fires.
 */
export class Subscription implements AsyncIterable<Event> {
  readonly #transport: Transport;
  readonly #options: SubscribeOptions;
  readonly #stop = new AbortController();
  readonly #pages: AsyncGenerator<EventPage>;
  #first: Promise<IteratorResult<EventPage>> | undefined;
  #taken = false;
  /** After which position the next call starts: the end of the last page. */
  #resume: { position: bigint; logId: string } | undefined;
  /** Where the consumer is. */
  #position: bigint | undefined;
  #caughtUp = false;

  constructor(transport: Transport, options: SubscribeOptions) {
    this.#transport = transport;
    this.#options = options;
    const { after = "now" } = options;
    if (typeof after === "object") this.#resume = { position: after.position, logId: after.logId };
    else if (after !== "now") this.#resume = { position: after === "start" ? 0n : after, logId: "" };
    this.#position = this.#resume?.position;
    this.#pages = this.#read();
  }

  /**
   * Where to resume so that nothing handed out comes again and nothing else is missed; undefined before the
   * server has spoken. Save it after an event is dealt with.
   */
  get cursor(): Cursor | undefined {
    if (this.#position === undefined || !this.#resume?.logId) return undefined;
    return { position: this.#position, logId: this.#resume.logId };
  }

  /** Whether everything there was has been handed out, so that what follows is live. */
  get caughtUp(): boolean {
    return this.#caughtUp;
  }

  /**
   * Starts, and resolves when the server has confirmed the place: whatever is recorded from then on will be
   * delivered, also when the subscription began at "now". Iterating starts it as well.
   */
  async opened(): Promise<void> {
    this.#first ??= this.#pages.next();
    await this.#first;
  }

  /** The pages as the server sends them, checkpoints included. */
  async *pages(): AsyncGenerator<EventPage, void, undefined> {
    this.#take();
    try {
      for (;;) {
        const { value: page, done } = await this.#next();
        if (done) return;
        this.#position = page.cursor.position;
        this.#caughtUp = page.caughtUp;
        yield page;
      }
    } finally {
      this.close();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, undefined> {
    this.#take();
    try {
      for (;;) {
        const { value: page, done } = await this.#next();
        if (done) return;
        for (const event of page.events) {
          if (this.#stop.signal.aborted) break;
          this.#position = event.position;
          yield event;
        }
        if (this.#stop.signal.aborted) continue;
        this.#position = page.cursor.position;
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
    if (this.#taken) throw new TypeError("a subscription can be iterated over once");
    this.#taken = true;
  }

  #next(): Promise<IteratorResult<EventPage>> {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.#pages.next();
  }

  async *#read(): AsyncGenerator<EventPage, void, undefined> {
    const { signal } = this.#options;
    const { closing } = this.#transport;
    const stop = this.#stop.signal;
    const onAbort = () => this.#stop.abort();
    for (const source of [signal, closing]) {
      source?.addEventListener("abort", onAbort, { once: true });
      if (source?.aborted) onAbort();
    }
    try {
      for (let attempts = 1; !stop.aborted; attempts++) {
        const reads = new PacedReads();
        let call: ClientReadableStream<SubscribeResponse> | undefined;
        const cancel = () => call?.cancel();
        let error = new HoldfastError("the server ended the subscription", { code: "UNAVAILABLE" });
        try {
          call = await this.#call(reads);
          stop.addEventListener("abort", cancel, { once: true });
          for await (const response of call) {
            attempts = 1;
            yield this.#page(response);
            if (stop.aborted) break;
            reads.release();
          }
        } catch (thrown) {
          error = toError(thrown);
        } finally {
          stop.removeEventListener("abort", cancel);
          // Leaving the loop does not end the call in grpc-js: it would go on in the server.
          call?.cancel();
        }
        if (stop.aborted) break;
        if (!error.retryable) throw error;
        const delayMs = retryDelayMs(this.#transport.retry, attempts, error.retryAfterMs);
        this.#options.onInterrupted?.(error, delayMs);
        await delay(delayMs, stop).catch(() => {});
      }
      if (signal?.aborted) throw cancelled(signal);
    } finally {
      for (const source of [signal, closing]) source?.removeEventListener("abort", onAbort);
    }
  }

  async #call(reads: PacedReads): Promise<ClientReadableStream<SubscribeResponse>> {
    const { sessionIds = [], agentIds = [], kinds = [], metadata } = this.#options;
    const request: Input<SubscribeRequest> = {
      afterPosition: this.#resume?.position,
      logId: this.#resume?.logId,
      filter: { sessionIds, agentIds, entityKinds: kinds },
    };
    const call = await this.#transport.serverStream(EventService.method.subscribe, request, {
      signal: this.#stop.signal,
      metadata,
      interceptors: [reads.interceptor],
    });
    // The loop over it gets the error; a call that is over when the loop is left has nobody else to tell.
    call.on("error", () => {});
    return call;
  }

  #page({ events, position, caughtUp, logId }: SubscribeResponse): EventPage {
    const before = this.#resume;
    if (before?.logId && logId !== "" && before.logId !== logId) {
      throw new HoldfastError(`expected the log ${before.logId}, got ${logId}`, {
        code: "FAILED_PRECONDITION",
        reason: "FOREIGN_CURSOR",
        metadata: { log_id: before.logId, current_log_id: logId },
      });
    }
    const cursor = { position, logId: logId || (before?.logId ?? "") };
    this.#resume = cursor;
    return { events, cursor, caughtUp };
  }
}

function toError(thrown: unknown): HoldfastError {
  if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "number") {
    return errorFromCall(thrown as Error & Parameters<typeof errorFromCall>[0]);
  }
  return HoldfastError.from(thrown);
}
