import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect } from "vitest";
import {
  type Memory,
  type MemorySchema,
  MemoryService,
  MemoryType,
  type SearchMemoriesRequestSchema,
  type SearchMemoriesResponse,
} from "../../gen/holdfast/v1/memory_pb.js";
import { present, type Tenant } from "./tenant.js";

export type MemoryInit = MessageInitShape<typeof MemorySchema>;

/** Stores them, as semantic ones unless they say otherwise. */
export async function remember(tenant: Tenant, ...memories: MemoryInit[]): Promise<readonly Memory[]> {
  const { result, memories: stored } = await tenant.rpc.unary(MemoryService.method.batchCreateMemories, {
    memories: memories.map((memory) => ({ type: MemoryType.SEMANTIC, ...memory })),
  });
  expect(present(result).rejections).toEqual([]);
  return stored;
}

export function search(
  tenant: Tenant,
  request: MessageInitShape<typeof SearchMemoriesRequestSchema>,
): Promise<SearchMemoriesResponse> {
  return tenant.rpc.unary(MemoryService.method.searchMemories, request);
}

/** The contents of what was found, best first. */
export const found = ({ hits }: SearchMemoriesResponse) => hits.map(({ memory }) => memory?.content);
