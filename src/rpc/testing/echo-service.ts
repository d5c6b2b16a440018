import { create, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import {
  type BytesValueSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_wrappers,
  type StringValueSchema,
} from "@bufbuild/protobuf/wkt";

type Rpc<K> = { methodKind: K; input: typeof StringValueSchema; output: typeof StringValueSchema };

/** A service with one RPC of each kind over strings, and one over bytes; no proto of ours has all four. */
export type EchoService = GenService<{
  unary: Rpc<"unary">;
  serverStream: Rpc<"server_streaming">;
  clientStream: Rpc<"client_streaming">;
  bidi: Rpc<"bidi_streaming">;
  bytes: { methodKind: "unary"; input: typeof BytesValueSchema; output: typeof BytesValueSchema };
}>;

export const ECHO_TYPE_NAME = "holdfast.testing.Echo";

/** The descriptor of EchoService, made without a proto file. */
export function createEchoDescriptor(): EchoService {
  const text = { inputType: ".google.protobuf.StringValue", outputType: ".google.protobuf.StringValue" };
  const bytes = { inputType: ".google.protobuf.BytesValue", outputType: ".google.protobuf.BytesValue" };
  const file = create(FileDescriptorProtoSchema, {
    name: "holdfast/testing/echo.proto",
    package: "holdfast.testing",
    syntax: "proto3",
    dependency: ["google/protobuf/wrappers.proto"],
    service: [
      {
        name: "Echo",
        method: [
          { name: "Unary", ...text },
          { name: "ServerStream", serverStreaming: true, ...text },
          { name: "ClientStream", clientStreaming: true, ...text },
          { name: "Bidi", clientStreaming: true, serverStreaming: true, ...text },
          { name: "Bytes", ...bytes },
        ],
      },
    ],
  });
  const registry = createFileRegistry(file, () => file_google_protobuf_wrappers);
  const descriptor: DescService | undefined = registry.getService(ECHO_TYPE_NAME);
  // Said of its types what the file above says of them.
  return descriptor as unknown as EchoService;
}
