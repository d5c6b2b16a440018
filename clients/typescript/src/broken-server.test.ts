import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { Metadata } from "@grpc/grpc-js";
import { describe, expect, onTestFinished, test } from "vitest";
import { RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.js";
import type { AppendStreamRequest } from "../../../gen/holdfast/v1/event_pb.js";
import { HoldfastError } from "./holdfast-error.js";
import { type AppendCall, onBatches, sendAnswer, sendDrain, sendOpened } from "./testing/append-script.js";
import { useServers } from "./testing/use-servers.js";

const { serve, connect } = useServers();

/** What is not the message that was announced: a field of five bytes, of which one is there. */
const NO_MESSAGE = Buffer.from([0x0a, 0x05, 0x01]);
const DAMAGED = ["ErrorInfo", "BadRequest", "RetryInfo", "RequestInfo"].map((name) =>
  create(AnySchema, { typeUrl: `type.googleapis.com/google.rpc.${name}`, value: NO_MESSAGE }),
);
/** More than a timer can wait, and more than a number counts exactly. */
const FOR_EVER = anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: { seconds: 2n ** 53n } }));
const FIVE_MINUTES_MS = 300_000;

function failure(code: number, details: Any[]) {
  const metadata = new Metadata();
  const status = create(StatusSchema, { code, message: "broken", details });
  metadata.set("grpc-status-details-bin", Buffer.from(toBinary(StatusSchema, status)));
  return { code, details: "broken", metadata };
}

/** Fails every call with the details, batches and entries too. */
function failing(code: number, details: Any[]) {
  const status = create(StatusSchema, { code, message: "broken", details });
  return serve({
    getLogHead: (_call, answer) => answer(failure(code, details)),
    subscribe: (call) => void call.emit("error", failure(code, details)),
    export: (call) => void call.emit("error", failure(code, details)),
    appendStream: onBatches((call, { sequence }) =>
      sendAnswer(call, sequence, { case: "error", value: status }),
    ),
  });
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-broken-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function errorOf(promise: PromiseLike<unknown>): Promise<HoldfastError> {
  const outcome = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(outcome).toBeInstanceOf(HoldfastError);
  return outcome as HoldfastError;
}

// An error that is thrown in an event handler of grpc-js, or a rejection that nobody handles, fails the run.
describe("a server that is broken makes calls fail, not the process:", () => {
  test("details of a status that cannot be read", async () => {
    const holdfast = connect(await failing(5, DAMAGED));
    const calls = [
      holdfast.admin.getLogHead(),
      holdfast.admin.exportTo(temporaryFolder()),
      holdfast.events.subscribe({ after: "start" }).opened(),
      holdfast.recorder().observe({ type: "a" }),
    ];
    for (const error of await Promise.all(calls.map(errorOf))) {
      expect(error).toMatchObject({ code: "NOT_FOUND", message: "broken" });
    }
  });

  test("answers that are no such messages", async () => {
    const server = await serve({
      getLogHead: (_call, answer) => answer(null, NO_MESSAGE as never),
      subscribe: (call) => void call.write(NO_MESSAGE as never),
      export: (call) => void call.write(NO_MESSAGE as never),
      appendStream: (call) => void call.write(NO_MESSAGE as never),
    });
    const holdfast = connect(server);
    const calls = [
      holdfast.admin.getLogHead(),
      holdfast.admin.exportTo(temporaryFolder()),
      holdfast.events.subscribe({ after: "start" }).opened(),
    ];
    for (const { code } of await Promise.all(calls.map(errorOf))) expect(code).toBe("INTERNAL");
    // It says nothing about the record, which is kept.
    const interrupted = new Promise<HoldfastError>((resolve) => {
      holdfast.recorder({ onInterrupted: resolve }).observe({ type: "a" });
    });
    expect(await interrupted).toMatchObject({ code: "INTERNAL" });
  });

  test("a wait before the next attempt that no timer can wait", async () => {
    const server = await failing(14, [FOR_EVER]);
    const holdfast = connect(server);
    const waits: number[] = [];
    const stop = new AbortController();
    const interrupted = new Promise<void>((resolve) => {
      const onInterrupted = (_error: HoldfastError, delayMs: number) => {
        if (waits.push(delayMs) === 2) resolve();
      };
      holdfast.recorder({ onInterrupted }).observe({ type: "a" });
      holdfast.events
        .subscribe({ after: "start", signal: stop.signal, onInterrupted })
        .opened()
        .catch(() => {});
    });
    await interrupted;
    stop.abort();
    for (const wait of waits) {
      expect(wait).toBeGreaterThanOrEqual(FIVE_MINUTES_MS);
      expect(wait).toBeLessThanOrEqual(2 * FIVE_MINUTES_MS);
    }
    // Further away than its deadline: it is not waited for.
    const error = await errorOf(holdfast.admin.getLogHead({ deadlineMs: 60_000 }));
    expect(error.retryAfterMs).toBe(2 ** 53 * 1000);
  });

  const result = { case: "result" as const, value: { positions: [1n] } };
  test.each<readonly [string, (call: AppendCall, request: AppendStreamRequest["request"]) => void]>([
    ["an answer before it opened", (call) => sendAnswer(call, 1n, result)],
    [
      "an answer to what was not sent",
      (call, { case: at }) => {
        if (at === "open") sendOpened(call);
        else sendAnswer(call, 9n, result);
      },
    ],
    [
      "no outcome",
      (call, { case: at, value }) => {
        if (at === "open") sendOpened(call);
        else if (at === "batch") sendAnswer(call, value.sequence, undefined);
      },
    ],
    [
      "more answers than batches",
      (call, { case: at, value }) => {
        if (at === "open") sendOpened(call);
        else if (at === "batch") for (let i = 0; i < 3; i++) sendAnswer(call, value.sequence, result);
      },
    ],
    [
      "limits below nothing, and a drain before the first batch",
      (call, { case: at, value }) => {
        if (at === "open") {
          sendOpened(call, { maxInFlightBatches: -1, maxInFlightBytes: -(2n ** 63n), maxBytesPerEntry: -1n });
          sendDrain(call);
        } else if (at === "batch") sendAnswer(call, value.sequence, result);
        call.end();
      },
    ],
  ])("an append stream with %s", async (_what, onRequest) => {
    let calls = 0;
    const server = await serve({
      appendStream: (call) => {
        calls++;
        call.on("error", () => {});
        // The second time as it should be, so that what may be sent again is stored.
        if (calls === 1) call.on("data", ({ request }: AppendStreamRequest) => onRequest(call, request));
        else onBatches((own, { sequence }) => sendAnswer(own, sequence, result))(call);
        call.on("end", () => call.end());
      },
    });
    const recorder = connect(server).recorder();
    expect(await recorder.observe({ type: "a" })).toMatchObject({ position: 1n });
    expect((await recorder.close()).pending).toBe(0);
  });
});

describe("what a caller gives that is wrong fails where it is given:", () => {
  test("a client's name that is no text", async () => {
    const holdfast = connect(await serve({}));
    expect(() => holdfast.recorder({ clientName: 5 as never })).toThrow(/client_name: expected a string/);
  });

  test("metadata that no header can hold, without its value in the error", async () => {
    const server = await serve({});
    const holdfast = connect(server, { token: "secret\n", retry: { initialDelayMs: 60_000 } });
    const error = await errorOf(holdfast.admin.getLogHead({ deadlineMs: 1 }));
    expect(error).toMatchObject({ code: "UNAVAILABLE" });
    expect(error.message).toContain("metadata.authorization");
    expect(error.message).not.toContain("secret");
    const own = connect(server).admin.getLogHead({ metadata: { "a b": "c" } });
    expect(await errorOf(own)).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("a listener that throws or rejects is a warning, and the client goes on", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    const holdfast = connect(await failing(3, []));
    const recorders = [
      holdfast.recorder({
        onRejected() {
          throw new Error("thrown by the listener");
        },
      }),
      holdfast.recorder({ onRejected: async () => Promise.reject(new Error("rejected by the listener")) }),
    ];
    for (const recorder of recorders) {
      await errorOf(recorder.observe({ type: "a" }));
      expect(await recorder.flush()).toMatchObject({ rejected: 1, pending: 0 });
    }
    await expect
      .poll(() => warnings.map(({ message }) => /(thrown|rejected) by the listener/.exec(message)?.[1]))
      .toEqual(["thrown", "rejected"]);
  });
});
