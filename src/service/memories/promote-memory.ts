import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import {
  MemoryType,
  type PromoteMemoryRequest,
  PromoteMemoryRequestSchema,
} from "../../../gen/holdfast/v1/memory_pb.js";
import { HoldfastError, invalidFields } from "../../core/errors.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { EntryPreparer } from "../prepare-entry.js";
import type { Attribution } from "../prepared-entry.js";
import type { Records } from "../records.js";

const { WORKING, EPISODIC, SEMANTIC, PROCEDURAL } = MemoryType;

/** What each type may be promoted to: what lasts longer. */
const PROMOTIONS: Readonly<Record<number, readonly MemoryType[]>> = {
  [WORKING]: [EPISODIC, SEMANTIC, PROCEDURAL],
  [EPISODIC]: [SEMANTIC, PROCEDURAL],
};

/** Gives a memory a more lasting type. @throws NOT_FOUND, ILLEGAL_TRANSITION, REVISION_MISMATCH, INVALID_FIELD */
export function promoteMemory(
  memories: Records,
  preparer: EntryPreparer,
  tenantId: string,
  request: PromoteMemoryRequest,
  by: Attribution,
): Promise<FieldBag> {
  const { type } = request;
  if (![EPISODIC, SEMANTIC, PROCEDURAL].includes(type)) {
    const description = `expected EPISODIC, SEMANTIC or PROCEDURAL, got ${MemoryType[type] ?? `the number ${type}`}`;
    throw invalidFields([{ field: "type", description }]);
  }
  const entry = preparer.patch({
    codec: memories.codec,
    id: request.id,
    requestId: request.requestId,
    schema: PromoteMemoryRequestSchema,
    request,
    fields: (current) => {
      if (!PROMOTIONS[current.type as number]?.includes(type)) throw illegal(current, type);
      return { type };
    },
    expectedRevision: request.expectedRevision,
    path: "",
    idField: "id",
  });
  return memories.write(tenantId, entry, by);
}

function illegal({ id, type }: FieldBag, to: MemoryType): HoldfastError {
  const [from, name] = [MemoryType[type as MemoryType], MemoryType[to]];
  return new HoldfastError(
    ErrorReason.ILLEGAL_TRANSITION,
    `memory ${id} is ${from} and cannot be promoted to ${name}`,
    { metadata: { entity: "memory", id: id as string, from, to: name } },
  );
}
