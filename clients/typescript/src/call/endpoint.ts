import { type Call, type Client, connectivityState as State } from "@grpc/grpc-js";
import { ConnectionWatch } from "./connection-watch.js";
import { HealthWatch } from "./health-watch.js";
import type { MovableStream } from "./movable-stream.js";
import type { RetryPolicy } from "./retry-policy.js";

/** One address and its channel. */
export class Endpoint {
  readonly client: Client;
  readonly connection: ConnectionWatch;
  /** What is open on it that could be moved elsewhere. */
  readonly streams = new Set<MovableStream>();
  readonly #calls = new WeakMap<MovableStream, Call>();
  #watch: HealthWatch | undefined;

  constructor(client: Client) {
    this.client = client;
    this.connection = new ConnectionWatch(client.getChannel());
  }

  /** Begins to ask how the server is, which connects. */
  watch(retry: RetryPolicy, onChange: () => void): void {
    this.#watch ??= new HealthWatch(this.client, this.connection, retry, onChange);
  }

  unwatch(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  /** Whether it is connected, as far as grpc-js knows. */
  get isConnected(): boolean {
    return this.client.getChannel().getConnectivityState(false) === State.READY;
  }

  /** Whether the server said that it serves, and is still connected. */
  get isServing(): boolean {
    return this.#watch?.health === "serving" && this.isConnected;
  }

  /** Whether it is not known yet. */
  get isUndecided(): boolean {
    return this.#watch?.health === "unknown";
  }

  /** Counts a stream among those of this address until its call ends. */
  hold(stream: MovableStream, call: NodeJS.EventEmitter & Call): void {
    this.streams.add(stream);
    this.#calls.set(stream, call);
    // That comes with the first answer: an attempt that fails has opened nothing.
    call.once("metadata", () => stream.opens++);
    call.once("status", () => {
      // It may be open here again by then.
      if (this.#calls.get(stream) === call) this.streams.delete(stream);
    });
  }

  /** Calls in flight finish. */
  close(): void {
    this.unwatch();
    this.client.close();
  }
}
