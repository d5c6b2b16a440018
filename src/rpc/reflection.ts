import type { DescFile, DescService } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.js";
import {
  ServerReflection,
  type ServerReflectionRequest,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import {
  ServerReflection as ServerReflectionAlpha,
  type ServerReflectionRequest as ServerReflectionRequestAlpha,
} from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { createFileIndex, toDescriptorBytes, withImports } from "./file-index.js";
import { defineService, type RegisteredService } from "./service.js";

type AnyRequest = ServerReflectionRequest | ServerReflectionRequestAlpha;

/** Server reflection over these services and itself, as v1 and as v1alpha, which older tools ask for. */
export function createReflection(services: readonly DescService[]): RegisteredService[] {
  const all = [...services, ServerReflection, ServerReflectionAlpha];
  // Statuses carry error details as Any, which tools ask for when they print one.
  const index = createFileIndex(all, [file_google_rpc_error_details]);

  function answer({ messageRequest: asked }: AnyRequest) {
    switch (asked.case) {
      case "listServices":
        return {
          case: "listServicesResponse" as const,
          value: { service: all.map(({ typeName }) => ({ name: typeName })) },
        };
      case "fileByFilename":
        return fileAnswer(index.findByName(asked.value), asked.value);
      case "fileContainingSymbol":
        return fileAnswer(index.findBySymbol(asked.value), asked.value);
      case "allExtensionNumbersOfType":
        return index.findBySymbol(asked.value)
          ? { case: "allExtensionNumbersResponse" as const, value: { baseTypeName: asked.value } }
          : errorAnswer(status.NOT_FOUND, `not found: ${asked.value}`);
      case "fileContainingExtension":
        return errorAnswer(status.NOT_FOUND, "no service here uses extensions");
      default:
        return errorAnswer(status.INVALID_ARGUMENT, "expected one of message_request, got none");
    }
  }

  return [
    defineService(ServerReflection, {
      async *serverReflectionInfo(requests) {
        for await (const request of requests) {
          yield { validHost: request.host, originalRequest: request, messageResponse: answer(request) };
        }
      },
    }),
    defineService(ServerReflectionAlpha, {
      async *serverReflectionInfo(requests) {
        for await (const request of requests) {
          yield { validHost: request.host, originalRequest: request, messageResponse: answer(request) };
        }
      },
    }),
  ];
}

function fileAnswer(file: DescFile | undefined, asked: string) {
  if (!file) return errorAnswer(status.NOT_FOUND, `not found: ${asked}`);
  const fileDescriptorProto = withImports(file).map(toDescriptorBytes);
  return { case: "fileDescriptorResponse" as const, value: { fileDescriptorProto } };
}

function errorAnswer(errorCode: status, errorMessage: string) {
  return { case: "errorResponse" as const, value: { errorCode, errorMessage } };
}
