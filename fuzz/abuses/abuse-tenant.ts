import { randomUUID } from "node:crypto";
import { EventService } from "../../gen/holdfast/v1/event_pb.js";
import { MemoryService, MemoryType } from "../../gen/holdfast/v1/memory_pb.js";
import { SessionService } from "../../gen/holdfast/v1/session_pb.js";
import type { Address } from "../../src/rpc/bind.js";
import { RpcClient } from "../../test/support/rpc-client.js";

/** Whoever abuses, with enough stored that reading it is work. */
export interface AbuseTenant {
  readonly id: string;
  readonly address: Address;
  readonly rpc: RpcClient;
  readonly sessionId: string;
}

/** What one embedding may have, and how many of them a search compares. */
export const DIMENSIONS = 4_096;
const MEMORIES = 400;
/** Of such memories in one call: their numbers take 16 KiB each. */
const MEMORIES_A_CALL = 50;
const OBSERVATIONS = 3_000;
/** Entries that one batch may have. */
const OBSERVATIONS_A_CALL = 500;
export const EMBEDDING_MODEL = "fuzz";

/** A tenant with memories that have long embeddings, and a session of some length. The caller closes its `rpc`. */
export async function prepareAbuseTenant(address: Address): Promise<AbuseTenant> {
  const id = randomUUID();
  const sessionId = randomUUID();
  const rpc = new RpcClient(address, { tenant: id });
  await rpc.unary(SessionService.method.openSession, { session: { id: sessionId } });
  for (let made = 0; made < OBSERVATIONS; made += OBSERVATIONS_A_CALL) {
    const value = { type: "fuzz", sessionId, content: "x".repeat(100) };
    const entry = { entry: { case: "observation" as const, value } };
    await rpc.unary(EventService.method.append, { entries: Array(OBSERVATIONS_A_CALL).fill(entry) });
  }
  for (let made = 0; made < MEMORIES; made += MEMORIES_A_CALL) {
    const memories = Array.from({ length: MEMORIES_A_CALL }, (_, i) => ({
      type: MemoryType.SEMANTIC,
      content: `memory ${made + i}`,
      embedding: Array.from({ length: DIMENSIONS }, (__, n) => Math.sin(made + i + n)),
      embeddingModel: EMBEDDING_MODEL,
    }));
    await rpc.unary(MemoryService.method.batchCreateMemories, { memories });
  }
  return { id, address, rpc, sessionId };
}
