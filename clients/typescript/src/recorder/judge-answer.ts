import type { AppendBatchResult } from "../../../../gen/holdfast/v1/event_pb.js";
import { errorFromStatus } from "../call/error-from-status.js";
import { isVerdict } from "../call/is-verdict.js";
import { HoldfastError } from "../holdfast-error.js";
import type { Batch } from "./batch.js";
import { answerDefect } from "./check-answer.js";
import type { Saved } from "./recorded.js";
import { outcomesOf } from "./settle-batch.js";

/** What a server answered to a batch. */
export interface JudgedAnswer {
  /** Of each record; none where the batch was refused as a whole or the answer does not fit it. */
  readonly outcomes: readonly (Saved | HoldfastError)[];
  /** Why the batch was refused, or why it is not known what became of it or of one of its records. */
  readonly error: HoldfastError | undefined;
}

/** @param batch the one that waits longest for its answer, if any does */
export function judgeAnswer(batch: Batch | undefined, answer: AppendBatchResult): JudgedAnswer {
  const defect = answerDefect(batch, answer);
  const { outcome } = answer;
  const outcomes =
    !defect && batch && outcome.case === "result" ? outcomesOf(batch.records, outcome.value) : [];
  const refusal = outcome.case === "error" ? errorFromStatus(outcome.value) : undefined;
  return { outcomes, error: defect ?? refusal ?? outcomes.find(isUnknown) };
}

function isUnknown(outcome: Saved | HoldfastError): outcome is HoldfastError {
  return outcome instanceof HoldfastError && !isVerdict(outcome);
}
