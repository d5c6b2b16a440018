/** A google.protobuf.Duration to send, of milliseconds; undefined stays so. */
export function durationFromMs(
  ms: number | undefined,
): { readonly seconds: bigint; readonly nanos: number } | undefined {
  if (ms === undefined) return undefined;
  const seconds = Math.trunc(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1_000_000) };
}
