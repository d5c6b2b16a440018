import { create, type DescMethod, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type StringValue, StringValueSchema } from "@bufbuild/protobuf/wkt";
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  Metadata,
  type ServiceError,
  type StatusObject,
} from "@grpc/grpc-js";
import { ECHO_TYPE_NAME } from "./echo-service.js";

export interface Answer {
  readonly text: string;
  readonly header: Metadata;
}

/** Message bytes as they go on the wire: a text, or whatever bytes a test wants to send in its place. */
type Sent = string | Uint8Array;

/** A grpc-js client of EchoService that can also send what no decent client would. */
export class EchoClient extends Client {
  unary(
    sent: Sent,
    metadata = new Metadata(),
    options: CallOptions = {},
  ): Promise<Answer> & { call: ClientUnaryCall } {
    let call: ClientUnaryCall | undefined;
    const answer = new Promise<Answer>((resolve, reject) => {
      let header = new Metadata();
      call = this.makeUnaryRequest(
        path("Unary"),
        serialize,
        deserialize,
        sent,
        metadata,
        options,
        (error, value) => (error ? reject(error) : resolve({ text: value?.value ?? "", header })),
      );
      call.on("metadata", (received) => {
        header = received;
      });
    });
    return Object.assign(answer, { call: call as ClientUnaryCall });
  }

  serverStream(sent: Sent, options: CallOptions = {}): ClientReadableStream<StringValue> {
    return quietly(
      this.makeServerStreamRequest(
        path("ServerStream"),
        serialize,
        deserialize,
        sent,
        new Metadata(),
        options,
      ),
    );
  }

  clientStream(): { call: ClientWritableStream<Sent>; answer: Promise<string> } {
    let call: ClientWritableStream<Sent> | undefined;
    const answer = new Promise<string>((resolve, reject) => {
      call = this.makeClientStreamRequest(path("ClientStream"), serialize, deserialize, (error, value) =>
        error ? reject(error) : resolve(value?.value ?? ""),
      );
    });
    return { call: call as ClientWritableStream<Sent>, answer };
  }

  bidi(options: CallOptions = {}): ClientDuplexStream<Sent, StringValue> {
    return quietly(this.makeBidiStreamRequest(path("Bidi"), serialize, deserialize, new Metadata(), options));
  }
}

/** Everything a streaming call answers, and how it ended. Never rejects. */
export async function collect(
  call: ClientReadableStream<StringValue> | ClientDuplexStream<Sent, StringValue>,
): Promise<{ texts: string[]; status: StatusObject }> {
  const texts: string[] = [];
  call.on("data", (message: StringValue) => texts.push(message.value));
  return { texts, status: await ended(call) };
}

/** How a streaming call ended. Never rejects. */
export function ended(call: ClientReadableStream<StringValue>): Promise<StatusObject> {
  return new Promise((resolve) => call.on("status", resolve));
}

/** The error a call rejects with. */
export function failure(answer: Promise<unknown>): Promise<ServiceError> {
  return answer.then(
    () => {
      throw new Error("expected the call to fail");
    },
    (error: ServiceError) => error,
  );
}

/** The status says it too; an unheard "error" would end the process. */
function quietly<T extends NodeJS.EventEmitter>(call: T): T {
  return call.on("error", () => undefined);
}

function path(method: DescMethod["name"]): string {
  return `/${ECHO_TYPE_NAME}/${method}`;
}

function serialize(sent: Sent): Buffer {
  return Buffer.from(
    typeof sent === "string" ? toBinary(StringValueSchema, create(StringValueSchema, { value: sent })) : sent,
  );
}

function deserialize(bytes: Buffer): StringValue {
  return fromBinary(StringValueSchema, bytes);
}
