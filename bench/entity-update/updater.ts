// A process of many clients that each change goals by field mask, one after another.
import { connect } from "@holdfast/client";
import { timeEach } from "../support/time-each.js";
import { serveWorker } from "../support/worker.js";

const [address = "", clientsAsText = "", goals = ""] = process.argv.slice(2);
const goalIds = goals.split(",");
const clients = Array.from({ length: Number(clientsAsText) }, () => connect({ address }));

serveWorker<{ seconds: number }, readonly number[]>(
  async ({ seconds }) => {
    const each = clients.map((holdfast, client) =>
      timeEach(seconds, async (i) => {
        const id = goalIds[(client + i * clients.length) % goalIds.length] ?? "";
        await holdfast.goals.update(id, {
          description: `step ${i}: what is known by now`,
          priority: (i % 100) / 100,
        });
      }),
    );
    return (await Promise.all(each)).flat();
  },
  async () => {
    await Promise.all(clients.map((client) => client.close()));
  },
);
