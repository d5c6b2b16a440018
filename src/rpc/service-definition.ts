import type { ServiceDefinition } from "@grpc/grpc-js";
import { answersStream, type RegisteredService, takesStream } from "./service.js";

/** A service as grpc-js registers it. Messages pass it as bytes: decoding is ours, so its failures are too. */
export function toServiceDefinition(service: RegisteredService): ServiceDefinition {
  return Object.fromEntries(
    service.methods.map(({ path, descriptor }) => [
      descriptor.localName,
      {
        path,
        requestStream: takesStream(descriptor),
        responseStream: answersStream(descriptor),
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    ]),
  );
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
