import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type StatusObject,
} from "@grpc/grpc-js";
import type { Address } from "../../src/rpc/bind.js";

export interface RpcClientOptions {
  /** The tenant to call as; the default one unless given. */
  readonly tenant?: string;
  /** A bearer token to call with; none unless given. */
  readonly token?: string;
}

/** What a server streams back, pulled one message at a time: nothing is read that nobody asked for. */
export interface AnswerStream<O> {
  /** The next message, or undefined when the server has ended the call well. Rejects with the ServiceError it ended with. */
  next(): Promise<O | undefined>;
  /** How the call ended. */
  readonly status: Promise<StatusObject>;
  cancel(): void;
}

/** Messages on their way to a server that answers once. */
export interface RequestStream<I, O> {
  write(message: I): void;
  /** No more messages follow. */
  end(): void;
  cancel(): void;
  readonly answer: Promise<O>;
}

export interface DuplexStream<I, O> extends AnswerStream<O> {
  write(message: I): void;
  /** Bytes in place of a message. */
  writeBytes(bytes: Uint8Array): void;
  /** No more messages follow. */
  end(): void;
}

/** A caller that knows nothing but the descriptors. */
export class RpcClient {
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #streams = new Set<ClientReadableStream<unknown>>();

  constructor({ host, port }: Address, { tenant, token }: RpcClientOptions = {}) {
    // Of its own: grpc-js would share one connection among all clients of an address.
    const options = { "grpc.use_local_subchannel_pool": 1, "grpc.max_receive_message_length": 4 << 20 };
    this.#client = new Client(`${host}:${port}`, credentials.createInsecure(), options);
    if (tenant !== undefined) this.#metadata.set("holdfast-tenant", tenant);
    if (token !== undefined) this.#metadata.set("authorization", `Bearer ${token}`);
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    return this.unaryBytes(method, toBinary(method.input, create(method.input, request)), options);
  }

  /** A unary call whose request is bytes that need not be a message. */
  unaryBytes<O extends DescMessage>(
    method: DescMethodUnary<DescMessage, O>,
    request: Uint8Array,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path(method),
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes) => fromBinary(method.output, bytes),
        request,
        this.#metadata,
        options,
        (error, value) => (error ? reject(error) : resolve(value as MessageShape<O>)),
      );
    });
  }

  serverStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
  ): AnswerStream<MessageShape<O>> {
    const bytes = toBinary(method.input, create(method.input, request));
    return this.serverStreamBytes(method, bytes);
  }

  serverStreamBytes<O extends DescMessage>(
    method: DescMethodServerStreaming<DescMessage, O>,
    request: Uint8Array,
  ): AnswerStream<MessageShape<O>> {
    const call = this.#client.makeServerStreamRequest(
      path(method),
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes) => fromBinary(method.output, bytes),
      request,
      this.#metadata,
    );
    return answersOf(this.#held(call));
  }

  clientStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodClientStreaming<I, O>,
  ): RequestStream<MessageInitShape<I>, MessageShape<O>> {
    let settle: (error: Error | null, value?: MessageShape<O>) => void = () => {};
    const answer = new Promise<MessageShape<O>>((resolve, reject) => {
      settle = (error, value) => (error ? reject(error) : resolve(value as MessageShape<O>));
    });
    // Whoever does not wait for it does not want to hear of its failure either.
    answer.catch(() => undefined);
    const call = this.#client.makeClientStreamRequest(
      path(method),
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes) => fromBinary(method.output, bytes),
      this.#metadata,
      {},
      (error, value) => settle(error, value),
    );
    return {
      write: (message) => void call.write(toBinary(method.input, create(method.input, message))),
      end: () => void call.end(),
      cancel: () => setImmediate(() => call.cancel()),
      answer,
    };
  }

  duplex<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
  ): DuplexStream<MessageInitShape<I>, MessageShape<O>> {
    const call: ClientDuplexStream<Uint8Array, MessageShape<O>> = this.#client.makeBidiStreamRequest(
      path(method),
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes) => fromBinary(method.output, bytes),
      this.#metadata,
    );
    return {
      ...answersOf(this.#held(call)),
      write: (message) => void call.write(toBinary(method.input, create(method.input, message))),
      writeBytes: (bytes) => void call.write(bytes),
      end: () => void call.end(),
    };
  }

  /** Ends what is under way, which closing a client of grpc-js alone does not. */
  close(): void {
    for (const call of this.#streams) cancel(call);
    this.#client.close();
  }

  #held<C extends ClientReadableStream<unknown>>(call: C): C {
    this.#streams.add(call);
    call.on("status", () => this.#streams.delete(call));
    return call;
  }
}

function answersOf<O>(call: ClientReadableStream<O>): AnswerStream<O> {
  const status = new Promise<StatusObject>((resolve) => call.on("status", resolve));
  // `next` rejects with it; unheard it would end the process.
  call.on("error", () => undefined);
  const answers = call.iterator({ destroyOnReturn: false });
  return {
    status,
    async next() {
      const { done, value } = await answers.next();
      return done ? undefined : (value as O);
    },
    cancel: () => cancel(call),
  };
}

function path(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

// A call that is cancelled in the tick in which it starts is forgotten by grpc-js, and its server never told.
function cancel(call: ClientReadableStream<unknown>): void {
  setImmediate(() => call.cancel());
}
