import { onTestFinished } from "vitest";
import {
  type AppendBatchResult,
  type AppendStreamOpened,
  type AppendStreamResponse,
  EventService,
} from "../../gen/holdfast/v1/event_pb.js";
import type { AppendResult } from "../../gen/holdfast/v1/log_pb.js";
import type { DuplexStream } from "./rpc-client.js";
import type { EntryInit, Tenant } from "./tenant.js";
import { present } from "./tenant.js";

/** One AppendStream, spoken by hand. */
export interface AppendWriter {
  readonly opened: AppendStreamOpened;
  readonly stream: DuplexStream<object, AppendStreamResponse>;
  send(sequence: bigint, entries: readonly EntryInit[]): void;
  /** The next answer, which must be to a batch. */
  answer(): Promise<AppendBatchResult>;
  /** Sends a batch and reads its result. */
  append(sequence: bigint, ...entries: EntryInit[]): Promise<AppendResult>;
}

/** An AppendStream that is open; cancelled with the test unless ended before. */
export async function openWriter(tenant: Pick<Tenant, "rpc">, clientName = "test/1"): Promise<AppendWriter> {
  const stream = tenant.rpc.duplex(EventService.method.appendStream);
  onTestFinished(() => stream.cancel());
  stream.write({ request: { case: "open", value: { clientName } } });
  const { response } = present(await stream.next());
  if (response.case !== "opened") throw new Error(`expected opened, got ${response.case}`);

  const send = (sequence: bigint, entries: readonly EntryInit[]) =>
    stream.write({ request: { case: "batch", value: { sequence, entries: [...entries] } } });
  const answer = async () => {
    const { response } = present(await stream.next());
    if (response.case !== "batch") throw new Error(`expected an answer to a batch, got ${response.case}`);
    return response.value;
  };
  return {
    opened: response.value,
    stream: stream as DuplexStream<object, AppendStreamResponse>,
    send,
    answer,
    async append(sequence, ...entries) {
      send(sequence, entries);
      const { outcome } = await answer();
      if (outcome.case !== "result") throw new Error(`expected a result, got ${outcome.case}`);
      return outcome.value;
    },
  };
}
