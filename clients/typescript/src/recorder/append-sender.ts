import type { AppendBatchResult } from "../../../../gen/holdfast/v1/event_pb.js";
import { isVerdict } from "../call/is-verdict.js";
import { retryDelayMs } from "../call/retry-policy.js";
import type { Transport } from "../call/transport.js";
import { HoldfastError } from "../holdfast-error.js";
import type { AppendQueue } from "./append-queue.js";
import { AppendStream } from "./append-stream.js";
import type { Batch } from "./batch.js";
import { judgeAnswer } from "./judge-answer.js";
import type { Saved } from "./recorded.js";
import type { StreamLimits } from "./stream-limits.js";

// How long a server may take to say goodbye to a stream that has nothing left to do.
const FINISH_TIMEOUT_MS = 1_000;
const EVERY_RECORD_FAILS = new Set(["UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED"]);

/** How a sender sends. */
export interface SenderSettings {
  /** The encoded first message of each stream. */
  readonly open: Buffer;
  /** How long the server may leave a batch, or the opening, unanswered; what a timer can wait. */
  readonly answerTimeoutMs: number;
}

/** What became of batches, for whoever owns the records in them. */
export interface SenderEvents {
  /** What became of each record of one batch; an error is final. Batches are answered in the order recorded. */
  settled(batch: Batch, outcomes: readonly (Saved | HoldfastError)[]): void;
  /** No retry will help: each record of the batch fails with this. */
  refused(batch: Batch, error: HoldfastError): void;
  /** The client's journal is to keep each record of the batch. Batches come in the order recorded. */
  diverted(batch: Batch): void;
  /** The stream ended with work left; the next attempt is after `delayMs`. */
  interrupted(error: HoldfastError, delayMs: number): void;
}

/**
 * Moves batches from the queue through one stream at a time, opening another as each ends. What was sent and
 * not answered is sent again, first and in order; ids make that exact.
 */
export class AppendSender {
  readonly #transport: Transport;
  readonly #queue: AppendQueue;
  readonly #settings: SenderSettings;
  readonly #events: SenderEvents;
  #stream: AppendStream | undefined;
  #limits: StreamLimits | undefined;
  #blocked = false;
  #draining = false;
  #isMoving = false;
  readonly #movable = { opens: 0, move: () => this.#move() };
  #inFlight: Batch[] = [];
  #inFlightBytes = 0;
  #lastError: HoldfastError | undefined;
  #attempts = 0;
  #notBefore = 0;
  #timer: NodeJS.Timeout | undefined;
  #forgetConnection: () => void = () => {};
  #stallTimer: NodeJS.Timeout | undefined;
  #journalTimer: NodeJS.Timeout | undefined;
  readonly #unsubscribe: (() => void) | undefined;
  #stopped = false;
  #onFinished: (() => void) | undefined;

  constructor(transport: Transport, queue: AppendQueue, settings: SenderSettings, events: SenderEvents) {
    this.#transport = transport;
    this.#queue = queue;
    this.#settings = settings;
    this.#events = events;
    this.#unsubscribe = transport.journal?.onRoute(() => this.pump());
  }

  /** Sends what may be sent now. To be called when the queue has grown. */
  pump(): void {
    if (this.#stopped) return;
    const { route } = this.#transport.journal ?? { route: "service" };
    if (route === "journal") this.#divert();
    if (route !== "service") return;
    this.#expectAcknowledgement();
    if (!this.#stream) this.#connect();
    if (!this.#stream || !this.#limits || this.#blocked || this.#draining) return;
    const { maxInFlightBatches, maxInFlightBytes } = this.#limits;
    while (this.#inFlight.length < maxInFlightBatches) {
      const busy = this.#inFlight.length > 0;
      const batch = this.#queue.next(busy);
      // One that is larger than the window goes alone: it would wait for ever otherwise.
      if (!batch || (busy && this.#inFlightBytes + batch.messageBytes > maxInFlightBytes)) return;
      this.#queue.take();
      this.#inFlight.push(batch);
      this.#inFlightBytes += batch.messageBytes;
      if (!busy) this.#expectAnswer();
      if (!this.#stream.send(batch.message())) {
        this.#blocked = true;
        return;
      }
    }
  }

  #expectAnswer(): void {
    clearTimeout(this.#stallTimer);
    this.#stallTimer = setTimeout(() => {
      this.#breakOff(new HoldfastError("the server stopped answering", { code: "UNAVAILABLE" }));
    }, this.#settings.answerTimeoutMs);
  }

  /** With a journal, what is not acknowledged in time goes there. */
  #expectAcknowledgement(): void {
    const { journal } = this.#transport;
    if (!journal || this.#journalTimer || (this.#inFlight.length === 0 && this.#queue.isEmpty)) return;
    this.#journalTimer = setTimeout(() => {
      const message = `no acknowledgement in ${journal.acknowledgeWithinMs} ms`;
      journal.suspend(new HoldfastError(message, { code: "UNAVAILABLE", cause: this.#lastError }));
    }, journal.acknowledgeWithinMs);
  }

  #acknowledged(): void {
    clearTimeout(this.#journalTimer);
    this.#journalTimer = undefined;
  }

  #divert(): void {
    this.#acknowledged();
    this.#dropStream()?.cancel();
    this.#stopWaiting();
    this.#attempts = 0;
    const batches = [...this.#inFlight, ...this.#queue.takeAll()];
    this.#inFlight = [];
    this.#inFlightBytes = 0;
    for (const batch of batches) this.#events.diverted(batch);
  }

  #breakOff(error: HoldfastError | undefined): void {
    this.#stream?.cancel();
    this.#ended(error);
  }

  /** Lets the stream end. Only once everything is answered. */
  finish(): Promise<void> {
    this.#stop();
    const stream = this.#stream;
    if (!stream) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        stream.cancel();
        resolve();
      }, FINISH_TIMEOUT_MS);
      this.#onFinished = () => {
        clearTimeout(timer);
        resolve();
      };
      stream.finish();
    });
  }

  /** Gives up: everything sent or queued is refused with the error. */
  abandon(error: HoldfastError): void {
    this.#stop();
    this.#dropStream()?.cancel();
    this.#refuseSent(error);
    this.#refuseQueued(error);
  }

  #stop(): void {
    this.#stopped = true;
    this.#unsubscribe?.();
    this.#acknowledged();
    this.#stopWaiting();
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#forgetConnection();
    this.#notBefore = 0;
  }

  #connect(): void {
    if (this.#timer || this.#queue.isEmpty) return;
    const waitMs = this.#notBefore - performance.now();
    if (waitMs > 0) {
      const goOn = () => {
        this.#stopWaiting();
        this.pump();
      };
      this.#timer = setTimeout(goOn, waitMs);
      if (this.#lastError) this.#forgetConnection = this.#transport.onConnected(this.#lastError, goOn);
      return;
    }
    this.#expectAnswer();
    this.#stream = new AppendStream(this.#transport, this.#settings.open, this.#movable, {
      opened: (limits) => {
        clearTimeout(this.#stallTimer);
        this.#limits = limits;
        this.#queue.fit(limits);
        this.pump();
      },
      answered: (result) => this.#answered(result),
      drained: () => this.#drain(),
      writable: () => {
        this.#blocked = false;
        this.pump();
      },
      ended: (error) => this.#ended(error),
    });
  }

  /** Sends nothing more on this stream, and lets it end when all is answered. */
  #drain(): void {
    this.#draining = true;
    if (this.#inFlight.length > 0) return;
    this.#stream?.finish();
    clearTimeout(this.#stallTimer);
    // A server that does not end it is stuck.
    this.#stallTimer = setTimeout(() => {
      this.#breakOff(new HoldfastError("the server did not end a stream it drains", { code: "UNAVAILABLE" }));
    }, FINISH_TIMEOUT_MS);
  }

  /** Goes on with another stream, which is opened elsewhere. */
  #move(): void {
    if (!this.#stream) return;
    this.#isMoving = true;
    if (this.#limits) this.#drain();
    else this.#breakOff(undefined);
  }

  #answered(answer: AppendBatchResult): void {
    const batch = this.#inFlight[0];
    const { outcomes, error } = judgeAnswer(batch, answer);
    // Batches behind one to retry may have been refused only because it was not stored: all are sent again.
    if (!batch || (error && !isVerdict(error))) {
      this.#breakOff(error);
      return;
    }
    this.#inFlight.shift();
    this.#inFlightBytes -= batch.messageBytes;
    if (this.#inFlight.length > 0) this.#stallTimer?.refresh();
    else clearTimeout(this.#stallTimer);
    this.#attempts = 0;
    this.#acknowledged();
    if (error) this.#events.refused(batch, error);
    else this.#events.settled(batch, outcomes);
    if (this.#draining) this.#drain();
    this.pump();
  }

  #ended(error = new HoldfastError("the server ended the stream", { code: "UNAVAILABLE" })): void {
    const finished = this.#onFinished;
    const wasAnswered = this.#inFlight.length === 0;
    const wasIdle = wasAnswered && this.#queue.isEmpty;
    const wasOpen = this.#limits !== undefined;
    const isMoving = this.#isMoving;
    this.#dropStream();
    if (this.#stopped) {
      finished?.();
      return;
    }
    if (isMoving && wasAnswered) {
      this.pump();
      return;
    }
    this.#lastError = error;
    this.#attempts++;
    const delayMs = retryDelayMs(this.#transport.retry, this.#attempts, error.retryAfterMs);
    this.#notBefore = performance.now() + delayMs;
    if (!wasIdle) this.#events.interrupted(error, delayMs);
    if (!isVerdict(error)) {
      this.#queue.putBack(this.#inFlight);
      this.#inFlight = [];
      this.#inFlightBytes = 0;
    } else {
      // A refusal that is about what was sent says nothing about what was not.
      this.#refuseSent(error);
      if (!wasOpen || EVERY_RECORD_FAILS.has(error.code)) this.#refuseQueued(error);
    }
    this.pump();
  }

  #dropStream(): AppendStream | undefined {
    clearTimeout(this.#stallTimer);
    const stream = this.#stream;
    this.#stream = undefined;
    this.#limits = undefined;
    this.#blocked = this.#draining = this.#isMoving = false;
    return stream;
  }

  #refuseSent(error: HoldfastError): void {
    const sent = this.#inFlight;
    this.#inFlight = [];
    this.#inFlightBytes = 0;
    for (const batch of sent) this.#events.refused(batch, error);
  }

  #refuseQueued(error: HoldfastError): void {
    for (const batch of this.#queue.takeAll()) this.#events.refused(batch, error);
  }
}
