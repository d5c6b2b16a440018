// A process of clients that ask after the server's health again and again: what a call costs that does nothing.
import { Client, credentials } from "@grpc/grpc-js";
import { timeEach } from "./time-each.js";
import { serveWorker } from "./worker.js";

const [address = "", clientsAsText = ""] = process.argv.slice(2);
const clients = Array.from(
  { length: Number(clientsAsText) },
  // Each with a connection of its own.
  () => new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 }),
);
const REQUEST = Buffer.alloc(0);
const asIs = (bytes: Buffer) => bytes;

function check(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest("/grpc.health.v1.Health/Check", asIs, asIs, REQUEST, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

serveWorker<{ seconds: number }, readonly number[]>(
  async ({ seconds }) => {
    const each = clients.map((client) => timeEach(seconds, () => check(client)));
    return (await Promise.all(each)).flat();
  },
  async () => {
    for (const client of clients) client.close();
  },
);
