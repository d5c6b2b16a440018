import { EventService } from "../../../../gen/holdfast/v1/event_pb.js";
import { countOf, durationMs, timerMs } from "../call/duration.js";
import { notify } from "../call/notify.js";
import type { Transport } from "../call/transport.js";
import { closed, HoldfastError } from "../holdfast-error.js";
import type { RecordJournal } from "../journal/record-journal.js";
import { journaled, type Kept } from "../journal/written.js";
import { createUuidV7Source } from "../uuid-v7.js";
import { ByteWriter } from "../wire/byte-writer.js";
import { AppendQueue } from "./append-queue.js";
import { AppendSender } from "./append-sender.js";
import type { Batch } from "./batch.js";
import { encodeOpen } from "./encode-open.js";
import { createEntryEncoders, type EntryEncoders } from "./entry-encoders.js";
import { RecordBuffer } from "./record-buffer.js";
import { type EntryCase, PendingRecord, type Recorded, type Saved } from "./recorded.js";
import type { RecorderOptions, RecorderTotals, RejectedRecord } from "./recorder-options.js";
import type {
  ActionInput,
  DecisionInput,
  FinishActionInput,
  ObservationInput,
  PerformanceMetricInput,
  SecurityAuditInput,
  StartActionInput,
} from "./records.js";

const MAX_BUFFERED_RECORDS = 100_000;
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
const ANSWER_TIMEOUT_MS = 60_000;
const { append } = EventService.method;

/**
 * Records what an agent does, in order, through one stream that batches by itself: what is recorded in one
 * turn of the event loop goes at once when nothing is in flight, and gathers into the next batch meanwhile.
 *
 * Each call answers at once with a {@link Recorded}; none throws. The recorder survives restarts and drains of
 * the server: it reconnects for as long as it takes and sends again what was not acknowledged. A record is rejected only
 * for an error that is about the record itself. After any other, such as INTERNAL, it is sent again, and what was
 * recorded after it waits; `onInterrupted` tells.
 */
export class Recorder<K = Saved> {
  readonly #options: RecorderOptions;
  readonly #journal: RecordJournal | undefined;
  readonly #newId = createUuidV7Source();
  readonly #encoders: EntryEncoders;
  readonly #queue = new AppendQueue();
  readonly #buffer: RecordBuffer;
  readonly #sender: AppendSender;
  readonly #onClosed: () => void;
  readonly #onAbort = () => this.#abandon(this.#options.signal?.reason);
  #pumpScheduled = false;
  #closing: Promise<RecorderTotals> | undefined;
  #stored = 0;
  #duplicates = 0;
  #journaled = 0;
  #rejected = 0;
  #lastPosition = 0n;
  #firstRejection: RejectedRecord | undefined;

  /** `onClosed` is told once, when it is over. Throws INVALID_ARGUMENT for options that make no sense. */
  constructor(transport: Transport, options: RecorderOptions, onClosed: () => void = () => {}) {
    this.#options = options;
    this.#journal = transport.journal;
    this.#onClosed = onClosed;
    const { sessionId, agentId, labels, signal } = options;
    const { maxBufferedRecords = MAX_BUFFERED_RECORDS, maxBufferedBytes = MAX_BUFFERED_BYTES } = options;
    const { clientName = agentId ?? "", answerTimeoutMs = ANSWER_TIMEOUT_MS } = options;
    try {
      this.#encoders = createEntryEncoders(
        transport.encoders,
        {
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(agentId === undefined ? {} : { agentId }),
          ...(labels === undefined ? {} : { labels }),
        },
        new ByteWriter(),
      );
    } catch (thrown) {
      throw HoldfastError.from(thrown);
    }
    this.#buffer = new RecordBuffer(
      countOf("maxBufferedRecords", maxBufferedRecords),
      countOf("maxBufferedBytes", maxBufferedBytes),
    );
    const settings = {
      open: encodeOpen(transport.encoders, clientName),
      answerTimeoutMs: timerMs(durationMs("answerTimeoutMs", answerTimeoutMs, 1)),
    };
    this.#sender = new AppendSender(transport, this.#queue, settings, {
      settled: (batch, outcomes) => this.#settled(batch, outcomes),
      refused: (batch, error) => this.#refused(batch, error),
      diverted: (batch) => this.#diverted(batch),
      interrupted: (error, delayMs) => notify(this.#options.onInterrupted, error, delayMs),
    });
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
  }

  /** Records what the agent perceived. */
  observe(observation: ObservationInput): Recorded<K> {
    return this.#record("observation", observation.id, observation);
  }

  /** Records an action, PENDING unless it says otherwise. Its `id` is known at once, for what follows. */
  createAction(action: ActionInput): Recorded<K> {
    return this.#record("action", action.id, action);
  }

  /** Records that an action starts. The `id` of the answer is that of this change. */
  startAction(actionId: string, start: StartActionInput = {}): Recorded<K> {
    const { requestId, ...rest } = start;
    return this.#record("startAction", requestId, { requestId, actionId, ...rest });
  }

  /** Records that an action ended, SUCCEEDED unless `status` says otherwise. The `id` is that of this change. */
  finishAction(actionId: string, finish: FinishActionInput = {}): Recorded<K> {
    const { requestId, ...rest } = finish;
    return this.#record("finishAction", requestId, { requestId, actionId, ...rest });
  }

  /** Records why the agent does what it does. */
  decide(decision: DecisionInput): Recorded<K> {
    return this.#record("decision", decision.id, decision);
  }

  /** Records one measured value. */
  measure(metric: PerformanceMetricInput): Recorded<K> {
    return this.#record("performanceMetric", metric.id, metric);
  }

  /** Records what was asked for and whether it was allowed. */
  audit(audit: SecurityAuditInput): Recorded<K> {
    return this.#record("securityAudit", audit.id, audit);
  }

  /**
   * Resolves when less than half of the buffer is used: await it between records to go at the server's pace. A
   * producer that never asks fills the other half; from then on its records reject with BUFFER_FULL.
   */
  ready(signal?: AbortSignal): Promise<void> {
    return this.#buffer.room(signal);
  }

  /** What has been done until now. */
  get totals(): RecorderTotals {
    return {
      stored: this.#stored,
      duplicates: this.#duplicates,
      journaled: this.#journaled,
      rejected: this.#rejected,
      pending: this.#buffer.records,
      lastPosition: this.#lastPosition,
      firstRejection: this.#firstRejection,
    };
  }

  /**
   * Resolves when everything recorded until now is durable or rejected, with the totals: look at `rejected`.
   * While the server is away it waits; a signal ends the waiting (CANCELLED), not the recording.
   */
  async flush(signal?: AbortSignal): Promise<RecorderTotals> {
    await this.#buffer.empty(signal);
    return this.totals;
  }

  /**
   * Refuses further records (CLOSED), waits for those there to be durable or rejected, and ends the stream.
   * With `abandon`, or once the signal fires, what is left is rejected with ABANDONED: its outcome is unknown,
   * and recording it again under the same id is safe. Never rejects; closing again waits for the same end.
   */
  close(
    options: { readonly abandon?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<RecorderTotals> {
    if (options.abandon) this.#abandon();
    this.#closing ??= this.#close(options.signal);
    return this.#closing;
  }

  async #close(signal: AbortSignal | undefined): Promise<RecorderTotals> {
    try {
      await this.#buffer.empty(signal);
    } catch {
      this.#abandon(signal?.reason);
    }
    await this.#sender.finish();
    this.#over();
    return this.totals;
  }

  #abandon(cause?: unknown): void {
    const error = new HoldfastError("the recorder was abandoned before the server answered", {
      code: "CANCELLED",
      reason: "ABANDONED",
      cause,
    });
    this.#sender.abandon(error);
    this.#closing ??= Promise.resolve().then(() => {
      this.#over();
      return this.totals;
    });
  }

  #over(): void {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#onClosed();
  }

  #record(kind: EntryCase, givenId: string | undefined, value: object): Recorded<K> {
    const madeId = givenId ? undefined : this.#newId();
    const record = new PendingRecord<Saved | Kept>(madeId ?? (givenId as string), kind);
    // K says whether there is a journal.
    const answer = record as unknown as Recorded<K>;
    try {
      if (this.#closing) throw closed("recorder");
      this.#buffer.check();
      const encoder = this.#encoders[kind];
      const bytes = this.#queue.add(record, (writer) => encoder.write(writer, madeId, value));
      this.#buffer.add(bytes);
    } catch (thrown) {
      this.#reject(record, HoldfastError.from(thrown));
      return answer;
    }
    if (!this.#pumpScheduled) {
      this.#pumpScheduled = true;
      // Once a burst, so that what one turn records goes in one batch.
      queueMicrotask(() => {
        this.#pumpScheduled = false;
        this.#sender.pump();
      });
    }
    return answer;
  }

  #settled(batch: Batch, outcomes: readonly (Saved | HoldfastError)[]): void {
    this.#buffer.settle(batch.size, batch.byteLength);
    for (const [index, outcome] of outcomes.entries()) {
      const record = batch.records[index] as PendingRecord<Saved | Kept>;
      if (outcome instanceof HoldfastError) {
        this.#reject(record, outcome);
        continue;
      }
      this.#stored++;
      if (outcome.duplicate) this.#duplicates++;
      if (outcome.position > this.#lastPosition) this.#lastPosition = outcome.position;
      record.settle(this.#journal ? { ...outcome, state: "durable" } : outcome);
    }
  }

  #diverted(batch: Batch): void {
    const journal = this.#journal as RecordJournal;
    const kept = batch.records.map(async (record, index) => {
      const ids = [record.id];
      try {
        await journal.write([{ method: append, request: batch.appendRequest(index), ids, metadata: {} }]);
        this.#journaled++;
        record.settle(journaled(ids));
      } catch (thrown) {
        this.#reject(record, HoldfastError.from(thrown));
      }
    });
    void Promise.all(kept).then(() => this.#buffer.settle(batch.size, batch.byteLength));
  }

  #refused(batch: Batch, error: HoldfastError): void {
    this.#buffer.settle(batch.size, batch.byteLength);
    for (const record of batch.records) this.#reject(record, error);
  }

  #reject(record: PendingRecord<Saved | Kept>, error: HoldfastError): void {
    const rejected = { id: record.id, kind: record.kind, error };
    this.#rejected++;
    this.#firstRejection ??= rejected;
    record.settle(error);
    notify(this.#options.onRejected, rejected);
  }
}
