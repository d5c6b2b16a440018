import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  AdminService,
  type ImportRequestSchema,
  type ImportResponse,
} from "../../gen/holdfast/v1/admin_pb.js";
import type { RpcClient } from "./rpc-client.js";

export type ImportMessage = MessageInitShape<typeof ImportRequestSchema>;

/** Well below what one message may have. */
const CHUNK_BYTES = 1024 * 1024;

export const options: ImportMessage = { request: { case: "options", value: {} } };

export function chunk(name: string, data: Uint8Array): ImportMessage {
  return { request: { case: "chunk", value: { name, data } } };
}

/** A file, in chunks. */
export function fileChunks(name: string, content: string): ImportMessage[] {
  const bytes = Buffer.from(content);
  const cuts = Array.from({ length: Math.ceil(bytes.length / CHUNK_BYTES) }, (_, i) => i * CHUNK_BYTES);
  return cuts.map((from) => chunk(name, bytes.subarray(from, from + CHUNK_BYTES)));
}

/** Calls Import with these messages. */
export function sendImport(client: RpcClient, messages: readonly ImportMessage[]): Promise<ImportResponse> {
  const call = client.clientStream(AdminService.method.import);
  for (const message of messages) call.write(message);
  call.end();
  return call.answer;
}
