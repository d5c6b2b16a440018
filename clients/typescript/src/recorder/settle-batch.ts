import type { AppendResult } from "../../../../gen/holdfast/v1/log_pb.js";
import { errorFromStatus } from "../call/error-from-status.js";
import { HoldfastError } from "../holdfast-error.js";
import type { PendingRecord, Saved } from "./recorded.js";

/**
 * What became of each of `records`, by the server's result for them, in order. An entry with neither a
 * position nor a rejection is INTERNAL: it must not pass for stored.
 */
export function outcomesOf(
  records: readonly Pick<PendingRecord, "id">[],
  result: AppendResult,
): (Saved | HoldfastError)[] {
  const { positions, duplicates, rejections } = result;
  const outcomes = records.map(({ id }, index): Saved | HoldfastError => {
    const position = positions[index] ?? 0n;
    return position > 0n ? { id, position, duplicate: false } : missing();
  });
  for (const index of duplicates) {
    const saved = outcomes[index];
    if (saved && !(saved instanceof HoldfastError)) outcomes[index] = { ...saved, duplicate: true };
  }
  for (const { index, status } of rejections) {
    if (index < outcomes.length) outcomes[index] = status ? errorFromStatus(status) : missing();
  }
  return outcomes;
}

function missing(): HoldfastError {
  return new HoldfastError("the server answered with neither a position nor a rejection", {
    code: "INTERNAL",
  });
}
