import { toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { ErrorReason, ErrorReasonSchema } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError, invalidFields } from "../core/errors.js";
import { statusFromError } from "./status.js";
import { statusCodeOf } from "./status-code.js";
import { failure } from "./testing/echo-client.js";
import { startEchoServer } from "./testing/echo-server.js";
import { findDetail, statusDetails } from "./testing/status-details.js";
import { trailersFromError } from "./trailers.js";

test("a refusal names reason, domain and metadata", () => {
  const metadata = { expected_revision: "3", current_revision: "4" };
  const error = new HoldfastError(ErrorReason.REVISION_MISMATCH, "it changed meanwhile", { metadata });
  const made = statusFromError(error);

  expect(made).toMatchObject({ code: status.ABORTED, message: "it changed meanwhile" });
  expect(findDetail(made, ErrorInfoSchema)).toMatchObject({
    reason: "REVISION_MISMATCH",
    domain: "holdfast",
    metadata,
  });
  expect(made.details).toHaveLength(1);
});

test("violated fields and the time to retry are details of their own", () => {
  const fields = statusFromError(invalidFields([{ field: "entries[3].id", description: "expected a UUID" }]));
  expect(findDetail(fields, BadRequestSchema)?.fieldViolations).toMatchObject([
    { field: "entries[3].id", description: "expected a UUID" },
  ]);
  const busy = statusFromError(new HoldfastError(ErrorReason.OVERLOADED, "busy", { retryAfterMs: 1500 }));
  expect(findDetail(busy, RetryInfoSchema)?.retryDelay).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
});

test("every reason has the code that error.proto gives it", () => {
  // "NOT_FOUND: the session an entry names …", "INVALID_ARGUMENT or RESOURCE_EXHAUSTED: …"
  const documented: Record<string, string> = {
    INVALID_FIELD: "INVALID_ARGUMENT",
    MALFORMED_MESSAGE: "INVALID_ARGUMENT",
    INVALID_PAGE_TOKEN: "INVALID_ARGUMENT",
    OUT_OF_SEQUENCE: "INVALID_ARGUMENT",
    LIMIT_EXCEEDED: "RESOURCE_EXHAUSTED",
    NOT_FOUND: "NOT_FOUND",
    SESSION_NOT_FOUND: "NOT_FOUND",
    SESSION_CLOSED: "FAILED_PRECONDITION",
    ILLEGAL_TRANSITION: "FAILED_PRECONDITION",
    ID_CONFLICT: "ALREADY_EXISTS",
    EXTERNAL_ID_TAKEN: "ALREADY_EXISTS",
    REVISION_MISMATCH: "ABORTED",
    POSITION_IN_FUTURE: "OUT_OF_RANGE",
    FOREIGN_CURSOR: "FAILED_PRECONDITION",
    LOG_DIVERGED: "FAILED_PRECONDITION",
    UNAUTHENTICATED: "UNAUTHENTICATED",
    PERMISSION_DENIED: "PERMISSION_DENIED",
    SERVER_DRAINING: "UNAVAILABLE",
    DATABASE_UNAVAILABLE: "UNAVAILABLE",
    OVERLOADED: "RESOURCE_EXHAUSTED",
    DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
    CANCELLED: "CANCELLED",
    UNIMPLEMENTED: "UNIMPLEMENTED",
    INTERNAL: "INTERNAL",
    LEASE_NOT_HELD: "FAILED_PRECONDITION",
    FOLDER_UNUSABLE: "FAILED_PRECONDITION",
  };
  const codes = ErrorReasonSchema.values
    .filter(({ number }) => number !== 0)
    .map(({ number, localName }) => [localName, status[statusCodeOf(new HoldfastError(number, ""))]]);
  expect(Object.fromEntries(codes)).toEqual(documented);
});

test("a limit broken by a field is INVALID_ARGUMENT, any other RESOURCE_EXHAUSTED", () => {
  const violations = [{ field: "entries", description: "expected at most 500, got 501" }];
  const byField = new HoldfastError(ErrorReason.LIMIT_EXCEEDED, "too many", { violations });
  expect(statusFromError(byField).code).toBe(status.INVALID_ARGUMENT);
  expect(statusFromError(new HoldfastError(ErrorReason.LIMIT_EXCEEDED, "too large")).code).toBe(
    status.RESOURCE_EXHAUSTED,
  );
});

test.each([
  ["a foreign error", new Error("relation sessions does not exist")],
  ["no error at all", "text"],
  [
    "an INTERNAL with a text of its own",
    new HoldfastError(ErrorReason.INTERNAL, "secret", { metadata: { secret: "1" } }),
  ],
])("%s becomes INTERNAL with a fixed text", (_name, thrown) => {
  const made = statusFromError(thrown, "request-1");
  expect(made).toMatchObject({ code: status.INTERNAL, message: "internal error, request request-1" });
  expect(findDetail(made, ErrorInfoSchema)).toMatchObject({ reason: "INTERNAL", metadata: {} });
  expect(findDetail(made, RequestInfoSchema)?.requestId).toBe("request-1");
});

test("trailers stay under 8 KiB and tell how many violations were left out", () => {
  const violations = Array.from({ length: 500 }, (_, index) => ({
    field: `entries[${index}].observation.${"é".repeat(300)}`,
    description: "漢".repeat(1000),
  }));
  const metadata = Object.fromEntries(
    Array.from({ length: 50 }, (_, index) => [`key${index}`, "漢".repeat(500)]),
  );
  const error = new HoldfastError(ErrorReason.INVALID_FIELD, "漢".repeat(100_000), { violations, metadata });
  const trailers = trailersFromError(error, "r".repeat(128));

  const headers = Object.entries(trailers.metadata.toHttp2Headers()).flat().join("");
  expect(headers.length + encodeURI(trailers.details).length).toBeLessThan(7.5 * 1024);
  const details = statusDetails(trailers);
  const kept = findDetail(details, BadRequestSchema)?.fieldViolations ?? [];
  expect(kept.length).toBeGreaterThan(0);
  expect(findDetail(details, ErrorInfoSchema)?.metadata.violations_omitted).toBe(String(500 - kept.length));
  expect(trailers.details).toMatch(/^漢+…$/);
  expect(toBinary(StatusSchema, details).byteLength).toBeLessThan(5 * 1024);
});

test.each([
  ["non-ASCII text", "größer — 漢字 🦀", "größer — 漢字 🦀"],
  ["control characters and percent signs", "a\r\nb\0c 100% %41", "a\r\nb\0c 100% %41"],
  ["a lone surrogate", "x\ud800y", "x\ufffdy"],
])("a message of %s reaches the client", async (_name, sent, received) => {
  const { client } = await startEchoServer({
    handlers: {
      async unary() {
        throw new HoldfastError(ErrorReason.NOT_FOUND, sent);
      },
    },
  });
  const error = await failure(client.unary("a"));
  expect(error.code).toBe(status.NOT_FOUND);
  expect(error.details).toBe(received);
  expect(statusDetails(error).message).toBe(received);
});

test("a message of a megabyte is cut, and the client can still read the status", async () => {
  const { client } = await startEchoServer({
    handlers: {
      async unary() {
        throw new HoldfastError(ErrorReason.NOT_FOUND, "🦀".repeat(500_000));
      },
    },
  });
  const error = await failure(client.unary("a"));
  expect(error.code).toBe(status.NOT_FOUND);
  expect(error.details).toMatch(/^🦀+…$/u);
});
