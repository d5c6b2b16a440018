import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import pg from "pg";

/** Stands between clients and Postgres as a pooler in transaction mode does that knows nothing of prepared statements. */
export interface TransactionPooler {
  readonly url: string;
  close(): Promise<void>;
}

/** A connection to Postgres, which serves one transaction at a time. */
interface Session {
  readonly client: pg.Client;
  readonly stream: Socket;
}

const SESSIONS = 4;
const STARTUP_HEADER_BYTES = 4;
const MESSAGE_HEADER_BYTES = 5;
const ROLLBACK = Buffer.from("Q\0\0\0\rROLLBACK\0");
const IDLE = "I".charCodeAt(0);

/**
 * Starts one. Each transaction gets the session that has waited longest, so that two of one connection hardly ever get the
 * same. Clients need no password.
 */
export async function startTransactionPooler(databaseUrl: string): Promise<TransactionPooler> {
  const all = await Promise.all(Array.from({ length: SESSIONS }, () => openSession(databaseUrl)));
  const free = [...all];
  const waiting: ((session: Session) => void)[] = [];
  const near = new Set<Socket>();

  const take = () => new Promise<Session>((resolve) => void (waiting.push(resolve) && hand()));
  const hand = () => {
    while (free.length > 0 && waiting.length > 0) waiting.shift()?.(free.shift() as Session);
  };
  const give = (session: Session) => {
    session.stream.removeAllListeners("data");
    free.push(session);
    hand();
  };

  const server = createServer((socket) => {
    near.add(socket);
    socket.on("error", () => {});
    let held: Promise<Session> | undefined;
    let unanswered = 0;
    // Whether messages were sent that only a later one asks an answer for.
    let isOpen = false;
    socket.on("close", () => {
      near.delete(socket);
      // The session is given back once what it runs has ended.
      unanswered += 1;
      isOpen = false;
      void held?.then(({ stream }) => stream.write(ROLLBACK));
    });
    const begin = async () => {
      const session = await take();
      const onAnswers = split(MESSAGE_HEADER_BYTES, (message) => {
        if (!socket.destroyed) socket.write(message);
        if (message[0] !== code("Z")) return;
        unanswered -= 1;
        if (unanswered > 0 || isOpen || message[MESSAGE_HEADER_BYTES] !== IDLE) return;
        held = undefined;
        give(session);
      });
      session.stream.on("data", onAnswers);
      return session;
    };
    const onMessages = split(MESSAGE_HEADER_BYTES, (message) => {
      if (message[0] === code("X")) return void socket.end();
      isOpen = message[0] !== code("Q") && message[0] !== code("S");
      if (!isOpen) unanswered += 1;
      held ??= begin();
      void held.then(({ stream }) => stream.write(message));
      return undefined;
    });
    const onStartup = split(STARTUP_HEADER_BYTES, (message) => {
      // Only what begins a session: a request to cancel is closed.
      if (message.readInt16BE(STARTUP_HEADER_BYTES) !== 3) return void socket.destroy();
      socket.off("data", onStartup);
      socket.on("data", onMessages);
      // AuthenticationOk, a process id and key of its own, ReadyForQuery.
      socket.write(Buffer.from("5200000008000000004b0000000c00000001000000025a0000000549", "hex"));
      return undefined;
    });
    socket.on("data", onStartup);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  url.search = "?sslmode=disable";
  return {
    url: url.href,
    async close() {
      for (const socket of near) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      for (const { stream } of all) stream.destroy();
    },
  };
}

async function openSession(databaseUrl: string): Promise<Session> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: "pooler" });
  client.on("error", () => {});
  await client.connect();
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  // From here on the driver reads nothing of it.
  stream.removeAllListeners("data");
  return { client, stream };
}

function code(letter: string): number {
  return letter.charCodeAt(0);
}

/** Takes bytes as they come and gives whole messages, whose length stands in the last four bytes of their header. */
function split(headerBytes: number, onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= headerBytes) {
      const size = rest.readInt32BE(headerBytes - 4) + headerBytes - 4;
      if (rest.length < size) return;
      const message = rest.subarray(0, size);
      rest = rest.subarray(size);
      onMessage(message);
    }
  };
}
