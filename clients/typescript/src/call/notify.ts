/**
 * Calls a listener of the user's. What it throws, or rejects with, must neither stop the client nor end the
 * process: it becomes a warning of the process, which Node prints.
 */
export function notify<A extends unknown[]>(
  listener: ((...args: A) => unknown) | undefined,
  ...args: A
): void {
  try {
    const answer = listener?.(...args);
    if (answer instanceof Promise) answer.catch(warn);
  } catch (thrown) {
    warn(thrown);
  }
}

function warn(thrown: unknown): void {
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  process.emitWarning(`a listener given to @holdfast/client failed: ${text}`, "HoldfastListenerWarning");
}
