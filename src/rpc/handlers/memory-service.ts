import { type Memory, MemoryService } from "../../../gen/holdfast/v1/memory_pb.js";
import type { FieldBag } from "../../entities/field-codec.js";
import { createMemorySearch } from "../../service/memories/memory-search.js";
import { promoteMemory } from "../../service/memories/promote-memory.js";
import type { Records } from "../../service/records.js";
import type { CallContext } from "../call-context.js";
import { defineService, type RegisteredService } from "../service.js";
import type { ServicesContext } from "./services.js";
import { standardHandlers } from "./standard-handlers.js";

/** Memories are searched and promoted, and tell how often they were found; the rest is as with every entity. */
export function memoryService(
  memories: Records,
  { append, memorySearch, workers, scans }: ServicesContext,
): RegisteredService {
  const { access } = memorySearch;
  const search = createMemorySearch({ ...memorySearch, workers, scans }, memories.codec);
  const standard = standardHandlers<typeof MemoryService, "Memory", "Memories">(
    MemoryService,
    memories,
    append,
  );
  const annotated =
    <Request, Answer>(handle: (request: Request, context: CallContext) => Promise<Answer>) =>
    async (request: Request, context: CallContext): Promise<Answer> => {
      const answer = await handle(request, context);
      const { memory, memories: many = memory ? [memory] : [] } = answer as MemoriesAnswer;
      await access.annotate(context.principal.tenantId, many);
      return answer;
    };
  return defineService(MemoryService, {
    ...standard,
    getMemory: annotated(standard.getMemory),
    batchGetMemories: annotated(standard.batchGetMemories),
    listMemories: annotated(standard.listMemories),
    updateMemory: annotated(standard.updateMemory),
    deleteMemory: annotated(standard.deleteMemory),
    promoteMemory: annotated(async (request, { principal }) => ({
      memory: (await promoteMemory(
        memories,
        append.preparer,
        principal.tenantId,
        request,
        principal,
      )) as unknown as Memory,
    })),
    searchMemories: async (request, call) => {
      const { hits, ...answer } = await search(call.principal.tenantId, request, call);
      return {
        ...answer,
        hits: hits.map(({ memory, ...hit }) => ({ ...hit, memory: memory as unknown as Memory })),
      };
    },
  });
}

interface MemoriesAnswer {
  readonly memory?: FieldBag;
  readonly memories?: readonly FieldBag[];
}
