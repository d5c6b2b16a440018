import { connect } from "node:http2";
import type { DescMethodServerStreaming } from "@bufbuild/protobuf";
import { onTestFinished } from "vitest";
import type { Address } from "../../src/rpc/bind.js";

/** Bytes of the prefix of a gRPC message; without any after it, the message is empty. */
const PREFIX_BYTES = 5;

/** Calls a method with an empty message over bare HTTP/2, and reads nothing of the answer: client libraries read ahead. */
export function callWithoutReading(
  { host, port }: Address,
  token: string,
  method: DescMethodServerStreaming,
): void {
  const session = connect(`http://${host}:${port}`);
  session.on("error", () => undefined);
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": `/${method.parent.typeName}/${method.name}`,
    "content-type": "application/grpc",
    te: "trailers",
    authorization: `Bearer ${token}`,
  });
  stream.on("error", () => undefined);
  stream.end(Buffer.alloc(PREFIX_BYTES));
}
