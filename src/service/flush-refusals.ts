import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import { entryKey } from "./flush-facts.js";
import type { PreparedEntry } from "./prepared-entry.js";

export function idConflict(entry: PreparedEntry): HoldfastError {
  const id = entryKey(entry);
  return new HoldfastError(
    ErrorReason.ID_CONFLICT,
    `the id ${id} was used before for ${entry.codec.entity.name} content that differs from this`,
    { metadata: { entity: entry.codec.entity.name, id } },
  );
}

export function nameTaken(codec: EntityCodec, name: string, id: string): HoldfastError {
  return new HoldfastError(ErrorReason.EXTERNAL_ID_TAKEN, `another ${codec.entity.name} has the ${name}`, {
    metadata: { entity: codec.entity.name, name, id },
  });
}

export function sessionNotFound(id: string): HoldfastError {
  return new HoldfastError(ErrorReason.SESSION_NOT_FOUND, `no session ${id}`, { metadata: { id } });
}

export function sessionClosed(id: string, status: string): HoldfastError {
  return new HoldfastError(ErrorReason.SESSION_CLOSED, `session ${id} is ${status}, expected ACTIVE`, {
    metadata: { id, status },
  });
}

/** Of a call whose changes do not fit into one transaction, although each alone does. */
export function callTooLarge(maxBytes: number): HoldfastError {
  return new HoldfastError(
    ErrorReason.LIMIT_EXCEEDED,
    `expected changes in one call of things that together have at most ${maxBytes} bytes, since they are stored together, ` +
      "got more; send fewer changes in one call",
    { metadata: { limit: String(maxBytes) } },
  );
}
