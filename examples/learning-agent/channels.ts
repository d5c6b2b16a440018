import { type Holdfast, MemoryType } from "@holdfast/client";
import type { Channel } from "./world.js";

/** What an agent remembers of a customer. */
export interface ChannelMemory {
  readonly id: string;
  readonly content: string;
  readonly channel: Channel;
}

/** How a customer is reached, if anybody of the team has found out. */
export async function recallChannel(
  holdfast: Holdfast,
  team: string,
  customer: string,
): Promise<ChannelMemory | undefined> {
  const filter = { types: [MemoryType.SEMANTIC], tags: ["channel"], labels: { team, customer } };
  const { hits } = await holdfast.memories.search({ text: `how to reach ${customer}`, filter, limit: 1 });
  const memory = hits[0]?.memory;
  return memory && { id: memory.id, content: memory.content, channel: memory.labels["channel"] as Channel };
}

/** Keeps how a customer is reached: of the team, not of a session, so that it outlives this one. */
export async function rememberChannel(
  holdfast: Holdfast,
  team: string,
  customer: string,
  channel: Channel,
): Promise<void> {
  await holdfast.memories.create({
    type: MemoryType.SEMANTIC,
    content: `${customer} is best reached by ${channel}`,
    tags: ["channel"],
    labels: { team, customer, channel },
    importance: 0.8,
  });
}
