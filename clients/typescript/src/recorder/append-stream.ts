import type { ClientDuplexStream, StatusObject } from "@grpc/grpc-js";
import { status as grpcStatus } from "@grpc/grpc-js";
import {
  type AppendBatchResult,
  type AppendStreamResponse,
  EventService,
} from "../../../../gen/holdfast/v1/event_pb.js";
import { cancelCall } from "../call/cancel-call.js";
import { errorFromCall } from "../call/error-from-status.js";
import type { MovableStream } from "../call/movable-stream.js";
import type { Transport } from "../call/transport.js";
import { HoldfastError } from "../holdfast-error.js";
import { limitsFromOpened, type StreamLimits } from "./stream-limits.js";

/** What one stream tells its owner. `ended` comes once and last; nothing comes after `cancel`. */
export interface AppendStreamEvents {
  opened(limits: StreamLimits): void;
  answered(result: AppendBatchResult): void;
  /** Send nothing more: the server is stopping. */
  drained(): void;
  /** What made `send` answer false has passed. */
  writable(): void;
  /** Without an error when the server ended it with OK. */
  ended(error: HoldfastError | undefined): void;
}

/** One AppendStream call, from open to its status. */
export class AppendStream {
  readonly #events: AppendStreamEvents;
  #call: ClientDuplexStream<Buffer, AppendStreamResponse> | undefined;
  #over = false;

  /** `open` is the encoded first message. */
  constructor(transport: Transport, open: Buffer, movable: MovableStream, events: AppendStreamEvents) {
    this.#events = events;
    transport.duplex(EventService.method.appendStream, { movable }).then(
      (call) => this.#start(call, open),
      (thrown) => this.#end(HoldfastError.from(thrown)),
    );
  }

  #start(call: ClientDuplexStream<Buffer, AppendStreamResponse>, open: Buffer): void {
    if (this.#over) {
      cancelCall(call);
      return;
    }
    this.#call = call;
    call.on("data", (message: AppendStreamResponse) => this.#receive(message));
    call.on("drain", () => {
      if (!this.#over) this.#events.writable();
    });
    // The status that follows says the same; without a listener this one would be thrown.
    call.on("error", () => {});
    call.on("status", (status: StatusObject) => {
      this.#end(status.code === grpcStatus.OK ? undefined : errorFromCall(status));
    });
    call.write(open);
  }

  #receive(message: AppendStreamResponse): void {
    if (this.#over) return;
    const { response } = message;
    switch (response.case) {
      case "opened":
        this.#events.opened(limitsFromOpened(response.value));
        break;
      case "batch":
        this.#events.answered(response.value);
        break;
      case "drain":
        this.#events.drained();
        break;
    }
  }

  #end(error: HoldfastError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.ended(error);
  }

  /** Sends an encoded batch. False: wait for `writable` before the next. */
  send(message: Buffer): boolean {
    return this.#call?.write(message) ?? false;
  }

  /** Says that nothing more will be sent; answers still come. */
  finish(): void {
    this.#call?.end();
  }

  cancel(): void {
    this.#over = true;
    if (this.#call) cancelCall(this.#call);
  }
}
