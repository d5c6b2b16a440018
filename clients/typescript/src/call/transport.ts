import { lookup } from "node:dns/promises";
import {
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
} from "@bufbuild/protobuf";
import type {
  ClientDuplexStream,
  ClientReadableStream,
  CallOptions as GrpcCallOptions,
  Interceptor,
  Metadata,
  ServiceError,
} from "@grpc/grpc-js";
import type { ConnectOptions, RequestMetadata } from "../connect-options.js";
import { cancelled, closed, HoldfastError } from "../holdfast-error.js";
import type { RecordJournal } from "../journal/record-journal.js";
import { ByteWriter } from "../wire/byte-writer.js";
import type { Input } from "../wire/input.js";
import { EncoderCompiler } from "../wire/message-encoder.js";
import type { CallOptions } from "./call-options.js";
import { cancelCall } from "./cancel-call.js";
import { channelCredentials, openChannel, refusePlaintextCredentials } from "./channel.js";
import { connectionSettings } from "./connection-settings.js";
import { delay } from "./delay.js";
import { durationMs, LONGEST_TIMER_MS } from "./duration.js";
import type { Endpoint } from "./endpoint.js";
import { Endpoints } from "./endpoints.js";
import { errorFromCall } from "./error-from-status.js";
import type { MovableStream } from "./movable-stream.js";
import { createMetadataSource } from "./request-metadata.js";
import { type RetryPolicy, retryDelayMs } from "./retry-policy.js";
import { parseTargets } from "./target.js";

/** What calling one method needs of its descriptor. */
type Method = { readonly name: string; readonly parent: { readonly typeName: string } };

/** What a stream takes besides. */
export interface StreamOptions extends CallOptions {
  readonly interceptors?: Interceptor[];
  /** For one that can go on over another connection: it is told when that is better. */
  readonly movable?: MovableStream;
}

/** Calls any method by its descriptor: encodes, authenticates, bounds, retries, and translates errors. */
export class Transport {
  readonly retry: RetryPolicy;
  readonly encoders = new EncoderCompiler();
  /** Where records go while the service is away; without one they wait. */
  readonly journal: RecordJournal | undefined = undefined;
  readonly #endpoints: Endpoints;
  readonly #metadata: (own?: RequestMetadata) => Promise<Metadata>;
  readonly #deadlineMs: number;
  readonly #closing = new AbortController();

  /** Throws INVALID_ARGUMENT for options that make no sense, TypeError for credentials over plaintext. */
  constructor(options: ConnectOptions) {
    const settings = connectionSettings(options);
    const targets = parseTargets(options.address);
    refusePlaintextCredentials(options);
    const secrets = channelCredentials(options);
    this.retry = settings.retry;
    this.#endpoints = new Endpoints({
      targets,
      open: (address) => openChannel(address, { ...options, credentials: secrets }, settings),
      lookup: (host) => lookup(host, { all: true }),
      retry: settings.retry,
    });
    this.#metadata = createMetadataSource(options);
    this.#deadlineMs = settings.deadlineMs;
  }

  /**
   * One request, one answer. Retried while the server is unavailable or overloaded, within the deadline: safe because
   * every write carries an id that the caller or this client chose.
   */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: Input<MessageShape<I>>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    return this.unaryBytes(method, this.encode(method.input, input), options);
  }

  /** That, with the request as its bytes. */
  async unaryBytes<O extends DescMessage>(
    method: DescMethodUnary<DescMessage, O>,
    request: Uint8Array,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    const deadline = Date.now() + this.allowedMs(options);
    const tried = new Set<Endpoint>();
    let before: HoldfastError | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#unaryOnce(method, request, deadline, options, tried);
      } catch (thrown) {
        const error = HoldfastError.from(thrown);
        // The time was over while one more was tried: what was in the way is what the one before met.
        if (before && error.code === "DEADLINE_EXCEEDED") throw before;
        before = error;
        if (this.#mayTryAnother(error, tried, deadline)) continue;
        tried.clear();
        const waitMs = retryDelayMs(this.retry, attempt, error.retryAfterMs);
        if (!error.retryable || this.closing.aborted || Date.now() + waitMs >= deadline) throw error;
        await this.untilRetry(waitMs, error, options.signal);
      }
    }
  }

  /**
   * Waits before what failed is tried again; not for longer than until the connection is back, if it was lost, unless
   * the server itself said how long. Throws CANCELLED when the signal fires first.
   */
  untilRetry(ms: number, error: HoldfastError, signal?: AbortSignal): Promise<void> {
    return delay(ms, signal, (goOn) => this.onConnected(error, goOn));
  }

  /** Calls back when the connection that was lost with this error is back, once. The answer ends it. */
  onConnected(error: HoldfastError, listener: () => void): () => void {
    return error.retryAfterMs === undefined ? this.#endpoints.onConnected(listener) : () => {};
  }

  /** Whether a call is made at another address at once: a server that says when to come again speaks for all. */
  #mayTryAnother(error: HoldfastError, tried: ReadonlySet<Endpoint>, deadline: number): boolean {
    if (!error.retryable || error.retryAfterMs !== undefined || this.closing.aborted) return false;
    return Date.now() < deadline && this.#endpoints.hasOther(tried);
  }

  /** How long a unary call may take, in milliseconds; Infinity is without end. Throws INVALID_ARGUMENT. */
  protected allowedMs({ deadlineMs = this.#deadlineMs }: CallOptions): number {
    return allowed(deadlineMs);
  }

  async #unaryOnce<O extends DescMessage>(
    method: DescMethodUnary<DescMessage, O>,
    request: Uint8Array,
    deadline: number,
    options: CallOptions,
    tried: Set<Endpoint>,
  ): Promise<MessageShape<O>> {
    const metadata = await this.#start(options);
    const endpoint = await this.#picked(this.#endpoints.forCall(tried));
    tried.add(endpoint);
    const { signal } = options;
    if (signal?.aborted) throw cancelled(signal);
    return await new Promise((resolve, reject) => {
      const onAbort = () => cancelCall(call);
      const call = endpoint.client.makeUnaryRequest(
        pathOf(method),
        identity,
        decoder(method.output),
        request,
        metadata,
        { deadline },
        (error: ServiceError | null, answer?: MessageShape<O>) => {
          signal?.removeEventListener("abort", onAbort);
          if (!error) resolve(answer as MessageShape<O>);
          else reject(signal?.aborted ? cancelled(signal) : errorFromCall(error));
        },
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** One request, many answers. The caller ends it with `cancel()`; errors are the stream's own, untranslated. */
  async serverStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    input: Input<MessageShape<I>>,
    options: StreamOptions = {},
  ): Promise<ClientReadableStream<MessageShape<O>>> {
    const request = this.encode(method.input, input);
    const metadata = await this.#start(options);
    const endpoint = await this.#picked(this.#endpoints.forStream());
    const call = endpoint.client.makeServerStreamRequest(
      pathOf(method),
      identity,
      decoder(method.output),
      request,
      metadata,
      streamOptions(options),
    );
    if (options.movable) endpoint.hold(options.movable, call);
    return call;
  }

  /** Many requests, already encoded, many answers. The caller ends it. */
  async duplex<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    options: StreamOptions = {},
  ): Promise<ClientDuplexStream<Buffer, MessageShape<O>>> {
    const metadata = await this.#start(options);
    const endpoint = await this.#picked(this.#endpoints.forStream());
    const call = endpoint.client.makeBidiStreamRequest(
      pathOf(method),
      identity,
      decoder(method.output),
      metadata,
      streamOptions(options),
    );
    if (options.movable) endpoint.hold(options.movable, call);
    return call;
  }

  /** Fires when it is closed: what would go on for ever ends then. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Lets calls in flight finish; refuses new ones with CLOSED. */
  close(): void {
    this.#closing.abort();
    this.#endpoints.close();
  }

  async #start(options: CallOptions): Promise<Metadata> {
    if (this.closing.aborted) throw closed("client");
    const metadata = await this.#metadata(options.metadata);
    if (options.signal?.aborted) throw cancelled(options.signal);
    // Asked again: it may have been closed while credentials were fetched.
    if (this.closing.aborted) throw closed("client");
    return metadata;
  }

  async #picked(choice: Endpoint | Promise<Endpoint>): Promise<Endpoint> {
    const endpoint = await choice;
    // It may have been closed while addresses were asked.
    if (this.closing.aborted) throw closed("client");
    return endpoint;
  }

  /** Throws INVALID_ARGUMENT for what is no such message. */
  protected encode(message: DescMessage, input: object): Buffer {
    const writer = new ByteWriter();
    try {
      this.encoders.encoder(message)(writer, input);
    } catch (thrown) {
      throw HoldfastError.from(thrown);
    }
    return writer.view();
  }
}

function pathOf(method: Method): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function decoder<O extends DescMessage>(message: O): (encoded: Buffer) => MessageShape<O> {
  // As plain bytes, because the `bytes` fields of the answer are views of the same class.
  return ({ buffer, byteOffset, byteLength }) =>
    fromBinary(message, new Uint8Array(buffer, byteOffset, byteLength));
}

function identity(request: Uint8Array): Buffer {
  return Buffer.from(request.buffer, request.byteOffset, request.byteLength);
}

/** Of a deadline that was given: 0 is none, and so is one that is further away than any timer reaches. */
function allowed(deadlineMs: number): number {
  const ms = durationMs("deadlineMs", deadlineMs, 0);
  return ms === 0 || ms > LONGEST_TIMER_MS ? Number.POSITIVE_INFINITY : ms;
}

function streamOptions({ deadlineMs = 0, interceptors }: StreamOptions): GrpcCallOptions {
  return { deadline: Date.now() + allowed(deadlineMs), ...(interceptors ? { interceptors } : {}) };
}
