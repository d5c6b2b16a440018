import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { EventService } from "../gen/holdfast/v1/event_pb.js";
import type { Address } from "../src/rpc/bind.js";
import { RpcClient } from "../test/support/rpc-client.js";

/** What a connection begins with that speaks HTTP/2. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const HTTP_1 = Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
/** How long the server may look at what it got before the connection is dropped. */
const LINGER_MS = 20;
/** Ends the conversation: whoever has seen it has seen all of it. */
const CONTENT = "kelp";

/** What a real client sends over a new connection for one append, until it waits for answers. */
export async function captureConversation(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const sockets: Socket[] = [];
  let captured = () => {};
  const isCaptured = new Promise<void>((resolve) => {
    captured = resolve;
  });
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      if (Buffer.concat(chunks).includes(CONTENT)) captured();
    });
    socket.on("error", () => undefined);
    // An empty SETTINGS frame: clients wait for the server's.
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const rpc = new RpcClient({ host: "127.0.0.1", port: (server.address() as { port: number }).port });
  const entries = [{ entry: { case: "observation" as const, value: { type: "result", content: CONTENT } } }];
  rpc.unary(EventService.method.append, { entries }).catch(() => undefined);
  await isCaptured;
  rpc.close();
  for (const socket of sockets) socket.destroy();
  server.close();
  return Buffer.concat(chunks);
}

/** Bytes to open a connection with: noise, frames that make no sense, a conversation with something changed. */
export function hostileBytes(conversation: Buffer): fc.Arbitrary<Buffer> {
  const noise = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  const frame = fc
    .tuple(
      fc.nat(0xffffff),
      fc.nat(15),
      fc.nat(255),
      fc.nat(9),
      fc.uint8Array({ maxLength: 60 }),
      fc.boolean(),
    )
    .map(([announced, type, flags, stream, body, honest]) => {
      const head = Buffer.alloc(9);
      head.writeUIntBE(honest ? body.length : announced, 0, 3);
      head.writeUInt8(type, 3);
      head.writeUInt8(flags, 4);
      head.writeUInt32BE(stream, 5);
      return Buffer.concat([head, body]);
    });
  const frames = fc.array(frame, { minLength: 1, maxLength: 12 });
  const cut = fc.nat(conversation.length).map((length) => conversation.subarray(0, length));
  const changed = fc
    .array(fc.tuple(fc.nat(conversation.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
    .map((changes) => {
      const bytes = Buffer.from(conversation);
      for (const [index, byte] of changes) bytes[index] = byte;
      return bytes;
    });
  return fc.oneof(
    noise,
    fc.constant(HTTP_1),
    frames.map((each) => Buffer.concat([PREFACE, ...each])),
    frames.map((each) => Buffer.concat([conversation, ...each])),
    cut,
    { weight: 3, arbitrary: changed },
  );
}

/** Opens a connection, sends the bytes, and drops it. Rejects only when it cannot connect. */
export async function sendBytes({ host, port }: Address, bytes: Buffer): Promise<void> {
  const socket = connect({ host, port });
  await once(socket, "connect");
  socket.on("error", () => undefined);
  socket.resume();
  socket.write(bytes);
  await Promise.race([new Promise((resolve) => socket.once("close", resolve)), delay(LINGER_MS)]);
  socket.destroy();
}
