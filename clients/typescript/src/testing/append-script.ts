import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import {
  type AppendBatch,
  type AppendBatchResultSchema,
  type AppendStreamOpenedSchema,
  type AppendStreamRequest,
  type AppendStreamResponse,
  AppendStreamResponseSchema,
} from "../../../../gen/holdfast/v1/event_pb.js";
import type { MemoryLog } from "./memory-log.js";

/** The server's side of one AppendStream. */
export type AppendCall = ServerDuplexStream<AppendStreamRequest, AppendStreamResponse>;

/** The limits that a scripted server states unless a test says otherwise. */
export const LIMITS = {
  maxInFlightBatches: 4,
  maxInFlightBytes: 1_000_000n,
  maxEntriesPerBatch: 500,
  maxBytesPerEntry: 1_048_576n,
  maxBytesPerMessage: 4_194_304n,
} as const;

export function sendOpened(
  call: AppendCall,
  limits: MessageInitShape<typeof AppendStreamOpenedSchema> = LIMITS,
) {
  call.write(create(AppendStreamResponseSchema, { response: { case: "opened", value: limits } }));
}

export function sendAnswer(
  call: AppendCall,
  sequence: bigint,
  outcome: MessageInitShape<typeof AppendBatchResultSchema>["outcome"],
) {
  const value = { sequence, ...(outcome ? { outcome } : {}) };
  call.write(create(AppendStreamResponseSchema, { response: { case: "batch", value } }));
}

export function sendDrain(call: AppendCall) {
  call.write(create(AppendStreamResponseSchema, { response: { case: "drain", value: {} } }));
}

/** Stores a batch and answers it. */
export function store(call: AppendCall, log: MemoryLog, batch: AppendBatch) {
  sendAnswer(call, batch.sequence, { case: "result", value: log.append(batch.entries) });
}

/** A handler that opens with the limits and leaves batches to the test; ends when the client does. */
export function onBatches(
  onBatch: (call: AppendCall, batch: AppendBatch) => void,
  limits?: MessageInitShape<typeof AppendStreamOpenedSchema>,
) {
  return (call: AppendCall) => {
    call.on("error", () => {});
    call.on("data", ({ request }: AppendStreamRequest) => {
      if (request.case === "open") sendOpened(call, limits);
      if (request.case === "batch") onBatch(call, request.value);
    });
    call.on("end", () => call.end());
  };
}
