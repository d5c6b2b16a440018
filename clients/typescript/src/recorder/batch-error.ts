import type { AppendBatchResult } from "../../../../gen/holdfast/v1/event_pb.js";
import { errorFromStatus } from "../call/error-from-status.js";
import type { HoldfastError } from "../holdfast-error.js";

/** Why a batch was refused as a whole, if it was. */
export function batchError({ outcome }: AppendBatchResult): HoldfastError | undefined {
  return outcome.case === "error" ? errorFromStatus(outcome.value) : undefined;
}
