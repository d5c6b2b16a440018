import type { ServerHttp2Stream } from "node:http2";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";

export type PartialStatus = Parameters<ServerInterceptingCallInterface["sendStatus"]>[0];

/**
 * What ends a call of this transport by a status, and never throws: whoever ends a call has other things to give back.
 * Where grpc-js cannot send the status, the stream is reset, so that the client does not wait for it.
 *
 * @param onFailure told why a status could not be sent
 */
export function statusSender(
  transport: ServerInterceptingCallInterface,
  onFailure: (error: unknown) => void,
): (status: PartialStatus) => void {
  // Its own method, which a call replaces: see Call.
  const send = transport.sendStatus.bind(transport);
  return (status) => {
    try {
      send(status);
    } catch (error) {
      onFailure(error);
      (transport as unknown as { readonly stream: ServerHttp2Stream }).stream.destroy();
    }
  };
}
