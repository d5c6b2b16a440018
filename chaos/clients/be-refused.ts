import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { connect, type Holdfast } from "@holdfast/client";
import { expectRefusal } from "./expect-refusal.js";
import type { Role } from "./role.js";

const PAUSE_MS = 100;

/** Asks for what must be refused, of a server that holds something for each call until it knows. */
export const beRefused: Role = async (client, { tenant, address }) => {
  const holdfast = client.connect(tenant, address);
  const nobody = connect({ ...client.connection("nobody", address) });
  const secret = await client.insist(() =>
    holdfast.configurations.create({ key: `secret.${randomUUID()}`, isSecret: true, value: text("hush") }),
  );
  const goal = await client.insist(() => holdfast.goals.create({ title: "contended" }));
  const attempts = [
    () => holdfast.goals.get(randomUUID()),
    () => holdfast.goals.create({ id: goal?.id ?? "", title: "another" }),
    () => holdfast.goals.update(goal?.id ?? "", { priority: 0.5 }, { expectedRevision: 99n }),
    () => holdfast.observations.create({ type: "x".repeat(10_000) }),
    () => holdfast.goals.page({}, { pageToken: "no token" }),
    () => holdfast.configurations.update(secret?.id ?? "", { valueType: 2 }),
    () => holdfast.memories.search({ text: "kelp" }, { deadlineMs: 1 }),
    // Of a tenant that has a secret.
    () => holdfast.admin.exportTo(join(client.directory, `refused-${client.number}`)),
    () => nobody.goals.page(),
    () => partlyRefused(holdfast),
  ];
  while (!client.stop.signal.aborted) {
    for (const attempt of attempts) {
      await attempt().catch((thrown: unknown) => expectRefusal(client, thrown));
      await client.pause(PAUSE_MS / attempts.length);
    }
  }
  await nobody.close();
};

/** A batch of which every other entry is bad. */
async function partlyRefused(holdfast: Holdfast): Promise<void> {
  const entries = Array.from({ length: 10 }, (_, i) => ({
    case: "observation" as const,
    value: { type: "visit", sessionId: i % 2 === 0 ? "" : randomUUID() },
  }));
  await holdfast.events.append(entries);
}

function text(value: string) {
  return { data: Buffer.from(value), contentType: "text/plain" };
}
