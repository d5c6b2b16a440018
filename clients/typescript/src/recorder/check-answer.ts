import type { AppendBatchResult } from "../../../../gen/holdfast/v1/event_pb.js";
import { HoldfastError } from "../holdfast-error.js";
import type { Batch } from "./batch.js";

/** What is wrong with an answer to the oldest batch in flight, undefined when nothing is. */
export function answerDefect(
  batch: Batch | undefined,
  { sequence, outcome }: AppendBatchResult,
): HoldfastError | undefined {
  if (batch?.sequence !== sequence) return broken(`an answer to batch ${batch?.sequence}, got ${sequence}`);
  if (outcome.case === undefined) return broken("an outcome, got none");
  if (outcome.case === "result" && outcome.value.positions.length !== batch.size) {
    return broken(`${batch.size} positions, got ${outcome.value.positions.length}`);
  }
  return undefined;
}

function broken(expectation: string): HoldfastError {
  return new HoldfastError(`the server broke the protocol: expected ${expectation}`, { code: "INTERNAL" });
}
