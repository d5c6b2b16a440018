// The follower of the demo: a process that shows what the agent does as it happens, from the very start.
import { connect, SessionStatus } from "@holdfast/client";
import { demoAddress } from "./address.js";
import { loadSampleRun } from "./sample-run.js";
import { Tally } from "./tally.js";
import { timelineLine } from "./timeline.js";

const { session } = loadSampleRun();
const holdfast = connect({ address: demoAddress(), deadlineMs: 0, retry: { maxDelayMs: 1000 } });
const subscription = holdfast.events.subscribe({
  after: "start",
  sessionIds: [session.id],
  onInterrupted: ({ code }) =>
    print(
      `        the server is away (${code}); I go on after position ${subscription.cursor?.position ?? 0}`,
    ),
});

const tally = new Tally();
for await (const event of subscription) {
  tally.add(event);
  print(timelineLine(event));
  const { entity } = event;
  if (entity.case === "session" && entity.value.status !== SessionStatus.ACTIVE) break;
}
const head = await holdfast.admin.getLogHead();
await holdfast.close();

print("");
for (const line of tally.lines()) print(line);
print(`last position        ${String(head.position).padStart(5)}`);
print(`hash of the log      ${Buffer.from(head.hash).toString("hex")}`);

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
