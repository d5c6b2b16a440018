import { isMessage, type Message } from "@bufbuild/protobuf";
import { type ServiceError, status } from "@grpc/grpc-js";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import type { Status } from "../gen/google/rpc/status_pb.js";
import { AppendStreamResponseSchema } from "../gen/holdfast/v1/event_pb.js";
import { type AppendResult, AppendResultSchema } from "../gen/holdfast/v1/log_pb.js";
import { findDetail, statusDetails } from "../src/rpc/testing/status-details.js";
import { NoAnswer } from "./send-case.js";

const DEFECTS: readonly number[] = [status.INTERNAL, status.UNKNOWN];

/** What went wrong by the server's fault, if anything: no refusal may be INTERNAL, or come without details. */
export function findDefect(outcome: unknown): string | undefined {
  if (outcome instanceof NoAnswer) return outcome.message;
  if (outcome instanceof Error) return defectOfError(outcome as ServiceError);
  const answers = Array.isArray(outcome) ? outcome : [outcome];
  for (const each of answers.flatMap(statusesIn)) {
    const defect = defectOfStatus(each);
    if (defect !== undefined) return defect;
  }
  return undefined;
}

function defectOfError(error: ServiceError): string | undefined {
  if (DEFECTS.includes(error.code)) return error.message;
  try {
    return defectOfStatus(statusDetails(error));
  } catch (noDetails) {
    return `${error.message}: ${(noDetails as Error).message}`;
  }
}

function defectOfStatus(refused: Status): string | undefined {
  if (DEFECTS.includes(refused.code)) return refused.message;
  const info = findDetail(refused, ErrorInfoSchema);
  if (info?.domain !== "holdfast") return `${refused.message}: has no ErrorInfo of holdfast`;
  const violations = findDetail(refused, BadRequestSchema)?.fieldViolations ?? [];
  if (info.reason === "INVALID_FIELD" && violations.length === 0) return `${refused.message}: names no field`;
  const vague = violations.find(({ description }) => !description.startsWith("expected "));
  return vague && `${vague.field}: ${vague.description}: does not say what was expected`;
}

/** The refusals that an answer which is no error holds. */
function statusesIn(answer: unknown): readonly Status[] {
  if (isMessage(answer, AppendStreamResponseSchema)) {
    const { response } = answer;
    if (response.case !== "batch") return [];
    const { outcome } = response.value;
    if (outcome.case === "error") return [outcome.value];
    return outcome.value ? rejected(outcome.value) : [];
  }
  const { result } = (answer ?? {}) as { result?: Message };
  return isMessage(result, AppendResultSchema) ? rejected(result) : [];
}

function rejected({ rejections }: AppendResult): readonly Status[] {
  return rejections.flatMap((rejection) => (rejection.status ? [rejection.status] : []));
}
