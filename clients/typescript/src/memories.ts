import {
  type Memory,
  MemoryService,
  type MemoryType,
  type SearchMemoriesRequest,
  type SearchMemoriesResponse,
} from "../../../gen/holdfast/v1/memory_pb.js";
import type { ChangeOptions, ReadOptions } from "./call/call-options.js";
import type { Caller } from "./call/caller.js";
import { minPositionOf } from "./call/min-position.js";
import { entityClient, present } from "./entity/entity-client.js";
import type { ChangesOf, InputOf, SelectionOf } from "./entity/entity-types.js";
import type { Input } from "./wire/input.js";

/** A memory to create. Without an id the client makes one (UUIDv7). */
export type MemoryInput = InputOf<typeof MemoryService>;
/** Fields to change: a value sets, null clears, what is left out stays. */
export type MemoryChanges = ChangesOf<typeof MemoryService>;
/** Which memories. */
export type MemorySelection = SelectionOf<typeof MemoryService>;
/** What to look for: a text, an embedding with its model, or both. */
export type MemoryQuery = Omit<Input<SearchMemoriesRequest>, "$typeName" | "minPosition" | "minPositionHash">;

/** The memories of a tenant. Every method throws HoldfastError. */
export class Memories extends entityClient(MemoryService) {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    super(caller);
    this.#caller = caller;
  }

  /** Memories by meaning, the best first, with the ways they were found by. */
  search(query: MemoryQuery, options: ReadOptions = {}): Promise<SearchMemoriesResponse> {
    const request = { ...query, ...minPositionOf(options) };
    return this.#caller.transport.unary(MemoryService.method.searchMemories, request, options);
  }

  /** Gives a memory a more lasting type: a WORKING one any other, an EPISODIC one SEMANTIC or PROCEDURAL. */
  async promote(id: string, type: MemoryType, options: ChangeOptions = {}): Promise<Memory> {
    const { transport, newId } = this.#caller;
    const { expectedRevision, requestId = newId() } = options;
    const request = { id, type, expectedRevision, requestId };
    const answer = await transport.unary(MemoryService.method.promoteMemory, request, options);
    return present(answer.memory, "Memory");
  }
}
