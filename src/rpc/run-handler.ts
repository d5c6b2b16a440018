import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { CallContext } from "./call-context.js";
import { encodeInTurns } from "./encode-in-turns.js";
import { decodeMessage, EncodedMessage, encodeMessage } from "./message-codec.js";
import type { RequestReader } from "./request-reader.js";
import type { ResponseWriter } from "./response-writer.js";
import type { AnswerFilter } from "./secret-guard.js";
import { answersStream, type RegisteredMethod, takesStream } from "./service.js";

export interface HandlerRun {
  readonly method: RegisteredMethod;
  readonly reader: RequestReader;
  readonly writer: ResponseWriter;
  readonly context: CallContext;
  readonly maxSendBytes: number;
  /** Waits for the first message, or the only one; rejects when it is too late. */
  opening<T>(message: Promise<T>): Promise<T>;
  /** For a heavy method: does the work when not too much of the kind is done already. */
  runHeavy?<T>(work: () => Promise<T>): Promise<T>;
  /** Passes each answer on, or a copy without what this caller may not see. */
  readonly filter?: AnswerFilter | undefined;
  /** Told of the handler's iterator, so that it can be closed from outside while it waits. */
  onAnswers(answers: AsyncIterator<unknown>): void;
}

/** Serves one call of any of the four kinds. Resolves when everything is handed over; throws what the handler throws. */
export async function runHandler(run: HandlerRun): Promise<void> {
  const { method, reader, context } = run;
  const { input } = method.descriptor;
  const decode = method.decode ?? ((bytes: Uint8Array) => decodeMessage(input, bytes));
  let request: unknown;
  if (takesStream(method.descriptor)) request = decoded(run, decode);
  else {
    const bytes = await run.opening(reader.single());
    const turn = inTurn(run);
    // Not for nothing: what is begun at once must be seen to take time by the next that asks for its turn.
    if (turn) await turn;
    request = decode(bytes);
  }
  if (answersStream(method.descriptor)) await pump(run, method.handle(request, context));
  else if (run.runHeavy) await send(run, await run.runHeavy(() => heavyAnswer(run, request)), true);
  else await send(run, await method.handle(request, context), true);
}

/** The answer of a heavy call, encoded: in turns, so that others are served meanwhile. */
async function heavyAnswer(run: HandlerRun, request: unknown): Promise<EncodedMessage> {
  const { method, context, filter } = run;
  const answer = await method.handle(request, context);
  const shown = filter ? await filter(answer, context.principal) : answer;
  return encodeInTurns(method.descriptor.output, shown as Record<string, unknown>, context.turn);
}

async function* decoded(
  run: HandlerRun,
  decode: (bytes: Uint8Array) => unknown,
): AsyncGenerator<unknown, void> {
  let bytes = await run.opening(run.reader.next());
  for (; bytes !== undefined; bytes = await run.reader.next()) {
    const turn = inTurn(run);
    if (turn) await turn;
    yield decode(bytes);
  }
}

/** Resolves when a message may be worked on, and rejects if nobody waits for it any more; undefined if it may now. */
function inTurn({ context }: HandlerRun): Promise<void> | undefined {
  return context.turn()?.then(() => context.signal.throwIfAborted());
}

async function pump(run: HandlerRun, iterable: AsyncIterable<unknown>): Promise<void> {
  const answers = iterable[Symbol.asyncIterator]();
  run.onAnswers(answers);
  for (;;) {
    const { done, value } = await answers.next();
    if (done) return;
    try {
      const sent = send(run, value, false);
      if (sent) await sent;
      const drained = run.writer.drained();
      if (drained) await drained;
    } catch (error) {
      // As `for await` does: the iterator is told, and its own failure does not hide the first.
      await closeQuietly(answers);
      throw error;
    }
  }
}

/** Hands a message over. A call with one answer is done then: who does not read it must not hold what the call holds. */
function send(run: HandlerRun, message: unknown, isOnly: boolean): Promise<void> | undefined {
  const { filter } = run;
  // What was encoded for many callers holds nothing that one of them may not see.
  if (!filter || message instanceof EncodedMessage) {
    write(run, message, isOnly);
    return undefined;
  }
  return filter(message as object, run.context.principal).then((shown) => write(run, shown, isOnly));
}

function write({ method, writer, maxSendBytes }: HandlerRun, message: unknown, isOnly: boolean): void {
  const bytes = encodeMessage(method.descriptor.output, message as Record<string, unknown>, maxSendBytes);
  if (isOnly) requireRoom(writer, bytes.byteLength);
  writer.write(bytes);
}

/** Bytes of an answer that costs less than the call itself: it is never refused. Answers to writes are as small. */
const SMALL_ANSWER_BYTES = 4 * 1024;
/** Milliseconds: about as long as it takes to see that a client does not read, and shorter than most would wait. */
const RETRY_AFTER_MS = 1000;

function requireRoom(writer: ResponseWriter, bytes: number): void {
  if (bytes <= SMALL_ANSWER_BYTES || writer.free > 0) return;
  throw new HoldfastError(
    ErrorReason.OVERLOADED,
    "the answers that this tenant has not read have reached their limit; read them or cancel their calls",
    { retryAfterMs: RETRY_AFTER_MS },
  );
}

/** Closes an iterator whose messages nobody wants. */
export async function closeQuietly(answers: AsyncIterator<unknown>): Promise<void> {
  try {
    await answers.return?.();
  } catch {
    // The call has failed already, for a better reason.
  }
}
