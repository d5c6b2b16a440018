import type { MessageInitShape } from "@bufbuild/protobuf";
import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import type {
  AppendBatch,
  AppendStreamRequest,
  AppendStreamResponseSchema,
} from "../../../gen/holdfast/v1/event_pb.js";
import { HoldfastError } from "../../core/errors.js";
import { OrderedAnswers } from "../../core/ordered-answers.js";
import { Semaphore } from "../../core/semaphore.js";
import type { CallContext } from "../call-context.js";
import { statusFromError } from "../status.js";
import { type AppendContext, appendBatch } from "./append-batch.js";

export interface AppendStreamSettings {
  /** Batches of one stream that may be unanswered; further ones are not read from the socket. */
  readonly maxInFlightBatches: number;
  /** What the client is told to keep in flight at most, in bytes: bounds what one stream holds here. */
  readonly maxInFlightBytes: number;
  readonly maxReceiveBytes: number;
}

/** What a client answers by sending the batch again. */
const RETRIED: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.DATABASE_UNAVAILABLE,
  ErrorReason.OVERLOADED,
  ErrorReason.SERVER_DRAINING,
]);

type Response = MessageInitShape<typeof AppendStreamResponseSchema>;

/**
 * One writer's stream: its batches are appended as they come, several at once,
 * and answered in order. Reading stops while too many are unanswered or the
 * tenant's queue is full, so a fast writer is slowed and never refused.
 */
export async function* appendStream(
  context: AppendContext,
  settings: AppendStreamSettings,
  requests: AsyncIterable<AppendStreamRequest>,
  call: CallContext,
): AsyncGenerator<Response, void> {
  const answers = new OrderedAnswers<Response>();
  const inFlight = new Semaphore(settings.maxInFlightBatches);
  let failure: HoldfastError | undefined;
  const announceDrain = () => answers.push(Promise.resolve({ response: { case: "drain", value: {} } }));

  const read = async () => {
    let isOpen = false;
    for await (const { request } of requests) {
      if (!isOpen) {
        requireOpen(request.case);
        isOpen = true;
        answers.push(Promise.resolve(opened(context, settings)));
        if (call.draining.aborted) announceDrain();
        else call.draining.addEventListener("abort", announceDrain);
        continue;
      }
      if (request.case !== "batch") throw outOfSequence("a batch", request.case);
      await inFlight.acquire();
      await context.appender.room(call.principal.tenantId, call.signal);
      answers.push(answerBatch(request.value));
    }
  };
  const options = { isAdmitted: true, isDivisible: true, signal: call.signal };
  const answerBatch = async ({ sequence, entries }: AppendBatch): Promise<Response> => {
    try {
      // The client sends what failed again: what comes after it on this stream must not overtake it.
      if (failure) throw failure;
      const value = await appendBatch(context, call.principal.tenantId, entries, options);
      return batchAnswer(sequence, { case: "result", value });
    } catch (error) {
      // A batch refused as a whole is an answer to it; only a defect of ours ends the stream.
      if (!(error instanceof HoldfastError) || error.reason === ErrorReason.INTERNAL) throw error;
      if (RETRIED.has(error.reason)) failure ??= error;
      return batchAnswer(sequence, { case: "error", value: statusFromError(error) });
    }
  };
  const reading = read().then(
    () => answers.end(),
    (error) => {
      answers.push(Promise.reject(error));
      answers.end();
    },
  );
  try {
    for await (const answer of answers) {
      yield answer;
      if (answer.response?.case === "batch") inFlight.release();
    }
    await reading;
  } finally {
    call.draining.removeEventListener("abort", announceDrain);
    inFlight.open();
  }
}

type BatchResponse = Extract<NonNullable<Response["response"]>, { case: "batch" }>;
type BatchOutcome = NonNullable<BatchResponse["value"]["outcome"]>;

function batchAnswer(sequence: bigint, outcome: BatchOutcome): Response {
  return { response: { case: "batch", value: { sequence, outcome } } };
}

function opened({ limits }: AppendContext, settings: AppendStreamSettings): Response {
  const value = {
    maxInFlightBatches: settings.maxInFlightBatches,
    maxInFlightBytes: BigInt(settings.maxInFlightBytes),
    maxEntriesPerBatch: limits.maxEntriesPerBatch,
    maxBytesPerEntry: BigInt(limits.maxBytesPerEntry),
    maxBytesPerMessage: BigInt(settings.maxReceiveBytes),
  };
  return { response: { case: "opened", value } };
}

function requireOpen(got: string | undefined): void {
  if (got !== "open") throw outOfSequence("open", got);
}

function outOfSequence(expected: string, got: string | undefined): HoldfastError {
  return new HoldfastError(
    ErrorReason.OUT_OF_SEQUENCE,
    `request: expected ${expected}, got ${got ?? "nothing"}`,
  );
}
