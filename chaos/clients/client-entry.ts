// A client of the servers under test, in a process of its own.
import { Client } from "./client.js";
import type { ClientAnswer, ClientMessage, ClientOptions } from "./client-options.js";
import { roles } from "./roles.js";

const options = JSON.parse(process.argv[2] ?? "{}") as ClientOptions;
const client = new Client(options);
process.on("message", (message: ClientMessage) => {
  if (message.do === "stop") client.stop.abort();
  if (message.do === "finish") client.finish(message.heads);
});
process.once("disconnect", () => process.exit(1));

const writing: Promise<void>[] = [];
const following: Promise<void>[] = [];
for (const each of options.roles) {
  const role = roles[each.role];
  if (!role) throw new RangeError(`expected one of ${Object.keys(roles).join(", ")}, got ${each.role}`);
  (each.role.startsWith("follow") ? following : writing).push(role(client, each));
}
await Promise.all(writing);
await new Promise<void>((resolve) => {
  if (client.stop.signal.aborted) resolve();
  else client.stop.signal.addEventListener("abort", () => resolve(), { once: true });
});
client.ledger.flush();
process.send?.({ stopped: true } satisfies ClientAnswer);
await client.heads;
await Promise.all(following);
await client.close();
process.exit(0);
