import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type Client,
  connectivityState,
  status as grpcStatus,
  Metadata,
  type StatusObject,
} from "@grpc/grpc-js";
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../../../gen/grpc/health/v1/health_pb.js";
import { cancelCall } from "./cancel-call.js";
import type { ConnectionWatch } from "./connection-watch.js";
import { delay } from "./delay.js";
import { type RetryPolicy, retryDelayMs } from "./retry-policy.js";

const PATH = `/${Health.typeName}/${Health.method.watch.name}`;
const REQUEST = Buffer.from(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema)));
/** How a server says that it does not say: it has no such service, or whoever stands before it lets nobody ask. */
const UNTOLD: ReadonlySet<number> = new Set([
  grpcStatus.UNIMPLEMENTED,
  grpcStatus.UNAUTHENTICATED,
  grpcStatus.PERMISSION_DENIED,
  grpcStatus.NOT_FOUND,
]);

/** "unknown" until it was first heard of, or could not be reached. */
export type ServerHealth = "unknown" | "serving" | "away";

/** What a server says of itself (`grpc.health.v1`), for as long as it is not closed. grpc-js has no such thing. */
export class HealthWatch {
  readonly #client: Client;
  readonly #connection: ConnectionWatch;
  readonly #retry: RetryPolicy;
  readonly #onChange: () => void;
  readonly #closing = new AbortController();
  #health: ServerHealth = "unknown";

  constructor(client: Client, connection: ConnectionWatch, retry: RetryPolicy, onChange: () => void) {
    this.#client = client;
    this.#connection = connection;
    this.#retry = retry;
    this.#onChange = onChange;
    void this.#run();
  }

  get health(): ServerHealth {
    return this.#health;
  }

  close(): void {
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let attempt = 1; !signal.aborted; attempt++) {
      const { code } = await this.#watch(() => {
        attempt = 0;
      });
      if (signal.aborted) return;
      if (UNTOLD.has(code)) {
        // It is there, then, for as long as the connection is.
        this.#set("serving");
        await this.#disconnected();
        attempt = 0;
      }
      this.#set("away");
      const waitMs = retryDelayMs(this.#retry, attempt + 1);
      await delay(waitMs, signal, (goOn) => this.#connection.onConnected(goOn)).catch(() => {});
    }
  }

  /** One call, to its end. */
  #watch(onAnswer: () => void): Promise<StatusObject> {
    return new Promise((resolve) => {
      const call = this.#client.makeServerStreamRequest(
        PATH,
        (request: Buffer) => request,
        (encoded) => fromBinary(HealthCheckResponseSchema, encoded),
        REQUEST,
        new Metadata(),
        { deadline: Number.POSITIVE_INFINITY },
      );
      const cancel = () => cancelCall(call);
      this.#closing.signal.addEventListener("abort", cancel, { once: true });
      call.on("data", ({ status }: { status: ServingStatus }) => {
        onAnswer();
        this.#set(status === ServingStatus.SERVING ? "serving" : "away");
      });
      // The status that follows says the same; without a listener this one would be thrown.
      call.on("error", () => {});
      call.on("status", (status: StatusObject) => {
        this.#closing.signal.removeEventListener("abort", cancel);
        resolve(status);
      });
    });
  }

  #disconnected(): Promise<void> {
    const channel = this.#client.getChannel();
    return new Promise((resolve) => {
      const state = channel.getConnectivityState(false);
      if (state !== connectivityState.READY) return resolve();
      channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => resolve());
    });
  }

  #set(health: ServerHealth): void {
    if (this.#health === health || this.#closing.signal.aborted) return;
    this.#health = health;
    this.#onChange();
  }
}
