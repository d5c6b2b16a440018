import { anyIs } from "@bufbuild/protobuf/wkt";
import type { ServiceError } from "@grpc/grpc-js";
import { expect } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import type { Status } from "../../gen/google/rpc/status_pb.js";
import type { Rejection } from "../../gen/holdfast/v1/log_pb.js";
import { findDetail, statusDetails } from "../../src/rpc/testing/status-details.js";

/** Why a call, a batch or an entry was refused, as a program would read it. */
export interface Refusal {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Every violated field, sorted. */
  readonly fields: readonly string[];
  readonly mayRetry: boolean;
}

/** The refusal of a call, which must come with the details every refusal has. */
export async function refusal(answer: Promise<unknown>): Promise<Refusal> {
  return refusalOf(await errorOf(answer));
}

/** The refusals of several calls that are under way. */
export function refusals(answers: readonly Promise<unknown>[]): Promise<Refusal[]> {
  return Promise.all(answers.map(refusal));
}

/** The error that a call ends with. */
export async function errorOf(answer: Promise<unknown>): Promise<ServiceError> {
  return answer.then(
    (value) => {
      throw new Error(`expected the call to be refused, got ${typeof value}`);
    },
    (error: ServiceError) => error,
  );
}

export function refusalOf(error: ServiceError): Refusal {
  expect(error.metadata, `${error}: an answer of the server`).toBeDefined();
  const status = statusDetails(error);
  expect(status.code).toBe(error.code);
  return refusalFromStatus(status);
}

export function refusalFromStatus(status: Status | undefined): Refusal {
  if (!status) throw new Error("expected a status, got none");
  const info = findDetail(status, ErrorInfoSchema);
  expect(info?.domain).toBe("holdfast");
  const known = [ErrorInfoSchema, BadRequestSchema, RetryInfoSchema, RequestInfoSchema];
  for (const detail of status.details) expect(known.some((schema) => anyIs(detail, schema))).toBe(true);
  const violations = findDetail(status, BadRequestSchema)?.fieldViolations ?? [];
  for (const violation of violations) expect(violation.description).toMatch(/^expected /);
  return {
    code: status.code,
    reason: info?.reason ?? "",
    message: status.message,
    metadata: info?.metadata ?? {},
    fields: violations.map((violation) => violation.field).sort(),
    mayRetry: findDetail(status, RetryInfoSchema) !== undefined,
  };
}

/** Rejections of a batch by index. */
export function rejectionsByIndex(rejections: readonly Rejection[]): ReadonlyMap<number, Refusal> {
  return new Map(rejections.map(({ index, status }) => [index, refusalFromStatus(status)]));
}
