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
  else if (run.runHeavy) await send(run, await run.runHeavy(() => heavyAnswer(run, request)));
  else await send(run, await method.handle(request, context));
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
      await send(run, value);
    } catch (error) {
      // As `for await` does: the iterator is told, and its own failure does not hide the first.
      await closeQuietly(answers);
      throw error;
    }
  }
}

async function filtered(run: HandlerRun, filter: AnswerFilter, message: unknown): Promise<void> {
  const { filter: _, ...unfiltered } = run;
  await send(unfiltered, await filter(message as object, run.context.principal));
}

function send(run: HandlerRun, message: unknown): Promise<void> | undefined {
  const { method, writer, maxSendBytes, filter } = run;
  // What was encoded for many callers holds nothing that one of them may not see.
  if (filter && !(message instanceof EncodedMessage)) return filtered(run, filter, message);
  const init = message as Record<string, unknown>;
  return writer.write(encodeMessage(method.descriptor.output, init, maxSendBytes));
}

/** Closes an iterator whose messages nobody wants. */
export async function closeQuietly(answers: AsyncIterator<unknown>): Promise<void> {
  try {
    await answers.return?.();
  } catch {
    // The call has failed already, for a better reason.
  }
}
