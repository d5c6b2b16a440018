import type { AppendStreamOpened } from "../../../../gen/holdfast/v1/event_pb.js";

/** What one stream may carry, as its server states it. */
export interface StreamLimits {
  readonly maxInFlightBatches: number;
  readonly maxInFlightBytes: number;
  readonly maxEntriesPerBatch: number;
  readonly maxBytesPerEntry: number;
  readonly maxBytesPerMessage: number;
}

/** What the protocol promises of every server; used until the first has spoken. */
export const PROTOCOL_LIMITS: StreamLimits = {
  maxInFlightBatches: 1,
  maxInFlightBytes: 4 * 1024 * 1024,
  maxEntriesPerBatch: 500,
  maxBytesPerEntry: 1024 * 1024,
  maxBytesPerMessage: 4 * 1024 * 1024,
};

/** The limits of an answer to open; what the server left out is as the protocol has it. */
export function limitsFromOpened(opened: AppendStreamOpened): StreamLimits {
  const or = (given: number | bigint, otherwise: number) => (given > 0 ? Number(given) : otherwise);
  return {
    maxInFlightBatches: or(opened.maxInFlightBatches, PROTOCOL_LIMITS.maxInFlightBatches),
    maxInFlightBytes: or(opened.maxInFlightBytes, PROTOCOL_LIMITS.maxInFlightBytes),
    maxEntriesPerBatch: or(opened.maxEntriesPerBatch, PROTOCOL_LIMITS.maxEntriesPerBatch),
    maxBytesPerEntry: or(opened.maxBytesPerEntry, PROTOCOL_LIMITS.maxBytesPerEntry),
    maxBytesPerMessage: or(opened.maxBytesPerMessage, PROTOCOL_LIMITS.maxBytesPerMessage),
  };
}
