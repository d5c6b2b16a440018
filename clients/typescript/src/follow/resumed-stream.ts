import type { ClientReadableStream } from "@grpc/grpc-js";
import { cancelCall } from "../call/cancel-call.js";
import { errorFromCall } from "../call/error-from-status.js";
import { notify } from "../call/notify.js";
import { PacedReads } from "../call/paced-reads.js";
import { retryDelayMs } from "../call/retry-policy.js";
import type { StreamOptions, Transport } from "../call/transport.js";
import { cancelled, HoldfastError } from "../holdfast-error.js";
import type { FollowOptions } from "./follow-options.js";

/**
 * The answers of a server stream, called again with backoff as often as it ends: `call` begins where the last
 * answer ended. Reads at most one answer ahead. Ends without an error when `stop` or the client does; throws
 * HoldfastError for what waiting does not mend, and CANCELLED when the signal of the options fires.
 */
export async function* resumedStream<R>(
  transport: Transport,
  call: (options: Pick<StreamOptions, "interceptors" | "movable">) => Promise<ClientReadableStream<R>>,
  stop: AbortController,
  options: FollowOptions,
): AsyncGenerator<R, void, undefined> {
  const { signal, onInterrupted } = options;
  const movable = { opens: 0, move: () => {} };
  const onAbort = () => stop.abort();
  for (const source of [signal, transport.closing]) {
    source?.addEventListener("abort", onAbort, { once: true });
    if (source?.aborted) onAbort();
  }
  try {
    for (let attempts = 1; !stop.signal.aborted; attempts++) {
      const reads = new PacedReads();
      let stream: ClientReadableStream<R> | undefined;
      let isMoved = false;
      const cancel = () => stream && cancelCall(stream);
      let error = new HoldfastError("the server ended the stream", { code: "UNAVAILABLE" });
      try {
        movable.move = () => {
          isMoved = true;
          cancel();
        };
        stream = await call({ interceptors: [reads.interceptor], movable });
        if (isMoved) cancel();
        // The loop gets the error; a call that is over when the loop is left has nobody else to tell.
        stream.on("error", () => {});
        stop.signal.addEventListener("abort", cancel, { once: true });
        for await (const answer of stream) {
          attempts = 1;
          yield answer;
          if (stop.signal.aborted || isMoved) break;
          reads.release();
        }
      } catch (thrown) {
        error = toError(thrown);
      } finally {
        stop.signal.removeEventListener("abort", cancel);
        // Leaving the loop does not end the call in grpc-js: it would go on in the server.
        cancel();
      }
      if (stop.signal.aborted) break;
      if (isMoved) continue;
      if (!error.retryable) throw error;
      const delayMs = retryDelayMs(transport.retry, attempts, error.retryAfterMs);
      notify(onInterrupted, error, delayMs);
      await transport.untilRetry(delayMs, error, stop.signal).catch(() => {});
    }
    if (signal?.aborted) throw cancelled(signal);
  } finally {
    for (const source of [signal, transport.closing]) source?.removeEventListener("abort", onAbort);
  }
}

function toError(thrown: unknown): HoldfastError {
  if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "number") {
    return errorFromCall(thrown as Error & Parameters<typeof errorFromCall>[0]);
  }
  return HoldfastError.from(thrown);
}
