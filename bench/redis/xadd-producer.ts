// A process that adds observations to Redis streams, pipelined, as fast as they are acknowledged.
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import {
  AGENT_ID,
  type Measurement,
  OBSERVATION_TYPE,
  payloads,
  SESSIONS,
  STREAMS,
  startMeasuring,
} from "../ingest/workload.js";
import { serveWorker } from "../support/worker.js";

export interface XaddRequest {
  readonly seconds: number;
  /** Commands of each connection unacknowledged at most. */
  readonly depth: number;
}

const [socketPath = ""] = process.argv.slice(2);
/** Commands are sent together up to this many: fewer writes to the socket on both sides. */
const SENT_AT_ONCE = 64;

const connections = await Promise.all(
  Array.from({ length: STREAMS }, async (_, stream) => {
    const socket = createConnection(socketPath);
    await once(socket, "connect");
    return { socket, commands: commandsOf(stream) };
  }),
);

serveWorker<XaddRequest, Measurement>(
  async ({ seconds, depth }) => {
    const counts = connections.map(() => 0);
    const measured = startMeasuring();
    const isOver = endsAfter(seconds);
    const producing = connections.map(({ socket, commands }, i) =>
      produce(socket, commands, depth, isOver, (replies) => {
        counts[i] = (counts[i] ?? 0) + replies;
      }),
    );
    await delay(seconds * 1000);
    const measurement = measured(
      counts.reduce((sum, each) => sum + each, 0),
      [],
    );
    await Promise.all(producing);
    return measurement;
  },
  async () => {
    for (const { socket } of connections) socket.destroy();
  },
);

/** Keeps `depth` commands under way until the time is over, then waits for the last reply. */
function produce(
  socket: Socket,
  commands: readonly Buffer[],
  depth: number,
  isOver: () => boolean,
  acknowledged: (replies: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let answered = 0;
    const send = () => {
      while (!isOver() && sent - answered + SENT_AT_ONCE <= depth) {
        socket.write(commands[(sent / SENT_AT_ONCE) % commands.length] as Buffer);
        sent += SENT_AT_ONCE;
      }
      if (sent === answered && isOver()) finish();
    };
    const finish = () => {
      socket.off("data", receive);
      socket.off("error", reject);
      resolve();
    };
    // Each reply is "$<length>\r\n<id>\r\n"; an error begins with "-".
    const receive = (chunk: Buffer) => {
      let replies = 0;
      for (const byte of chunk) if (byte === DOLLAR) replies += 1;
      if (chunk[0] === MINUS) return reject(new Error(chunk.toString()));
      answered += replies;
      acknowledged(replies);
      send();
    };
    socket.on("data", receive);
    socket.on("error", reject);
    send();
  });
}

const [DOLLAR, MINUS] = [36, 45];

/** Groups of XADD commands, each of as many as are sent at once, over the sessions of one stream. */
function commandsOf(stream: number): readonly Buffer[] {
  const sessions = Array.from({ length: SESSIONS }, (_, i) => i).filter((i) => i % STREAMS === stream);
  const commands = payloads(SENT_AT_ONCE * 8).map((data, i) =>
    command([
      "XADD",
      `session:${sessions[i % sessions.length]}`,
      "*",
      "agent_id",
      AGENT_ID,
      "type",
      OBSERVATION_TYPE,
      "data",
      data,
    ]),
  );
  return Array.from({ length: commands.length / SENT_AT_ONCE }, (_, group) =>
    Buffer.concat(commands.slice(group * SENT_AT_ONCE, (group + 1) * SENT_AT_ONCE)),
  );
}

function command(words: readonly (string | Buffer)[]): Buffer {
  const bytes = words.map((word) => Buffer.from(word));
  const parts = bytes.flatMap((word) => [Buffer.from(`$${word.byteLength}\r\n`), word, Buffer.from("\r\n")]);
  return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]);
}

function endsAfter(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000;
  return () => performance.now() >= end;
}
