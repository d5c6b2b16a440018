import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A client of an HTTP port that writes bytes of its own making. */
export interface HttpPeer {
  readonly socket: Socket;
  /** What the server sent, once it says this; it fails when the connection closes before. */
  says(text: string | RegExp): Promise<string>;
  /** What the server sent, once the connection is closed. */
  closed(): Promise<string>;
}

/** Connects and writes; what comes is read. Destroyed with the test. */
export async function connectHttpPeer(url: string, written: string | Buffer): Promise<HttpPeer> {
  const socket = await openHttpSocket(url);
  let received = "";
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
  });
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(received)));
  socket.write(written);
  return {
    socket,
    async says(text) {
      while (received.search(text) < 0) {
        if (socket.closed) throw new Error(`expected ${text} from the server, got ${received}`);
        await Promise.race([once(socket, "data"), closed]);
      }
      return received;
    },
    closed: () => closed,
  };
}

/** Connects, and reads nothing until told to. */
export async function openHttpSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on("error", () => undefined);
  socket.once("end", () => socket.end());
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, "connect");
  return socket;
}
