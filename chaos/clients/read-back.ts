import { randomUUID } from "node:crypto";
import { type Holdfast, HoldfastError } from "@holdfast/client";
import { monotonicMs } from "../clock.js";
import { contentOf } from "../ledger/token.js";
import type { Client } from "./client.js";
import type { Role } from "./role.js";

/** Writes by one server and reads by the other: what was acknowledged, where the log ends, and as a stranger. */
export const readBack: Role = async (client, { tenant, address }) => {
  const writer = client.connect(tenant, address, { deadlineMs: 3_000 });
  const reader = client.connect(tenant, address + 1, { deadlineMs: 3_000 });
  const stranger = client.connect(randomUUID(), address + 1, { deadlineMs: 3_000 });
  const lane = client.lane({
    tenant,
    role: "read-back",
    way: address,
    ordered: false,
    atomic: false,
    hasContent: true,
  });
  while (!client.stop.signal.aborted) {
    const n = lane.invoke();
    const observation = { id: lane.id(n), type: "chaos", content: contentOf({ lane: lane.number, n }) };
    let position: bigint | undefined;
    try {
      ({ position } = await writer.observations.create(observation));
      lane.acknowledged(n, position);
    } catch (thrown) {
      lane.failed(n, thrown);
    }
    if (position !== undefined) {
      await readOwn(client, reader, observation.id, position);
      await readAsStranger(client, stranger, observation.id);
    }
    await readHead(client, reader, tenant, position);
    await client.pause(250);
  }
};

async function readOwn(client: Client, reader: Holdfast, id: string, minPosition: bigint): Promise<void> {
  try {
    await reader.observations.get(id, { minPosition });
    client.read("own writes");
  } catch (thrown) {
    const { reason } = HoldfastError.from(thrown);
    if (reason !== "NOT_FOUND" && reason !== "POSITION_IN_FUTURE") return;
    client.saw("Durable", `${id} was acknowledged at ${minPosition}; read from there it was ${reason}`);
  }
}

async function readAsStranger(client: Client, stranger: Holdfast, id: string): Promise<void> {
  try {
    await stranger.observations.get(id);
    client.saw("Isolated", `another tenant was given ${id}`);
  } catch (thrown) {
    if (HoldfastError.from(thrown).reason === "NOT_FOUND") client.read("as a stranger");
  }
}

async function readHead(
  client: Client,
  reader: Holdfast,
  tenant: string,
  atLeast: bigint | undefined,
): Promise<void> {
  const asked = monotonicMs();
  try {
    const { position, hash } = await reader.admin.getLogHead();
    if (atLeast !== undefined && position < atLeast) {
      client.saw("Durable", `the log ended at ${position} after ${atLeast} was acknowledged`);
    }
    const hex = Buffer.from(hash).toString("hex");
    client.ledger.write({ k: "head", tenant, p: Number(position), hash: hex, asked, t: monotonicMs() });
    client.read("log heads");
  } catch {
    // Unavailable: nothing was said, so nothing was wrong.
  }
}
