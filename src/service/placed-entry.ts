import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { AppendEntry } from "./prepared-entry.js";

/** One change that a flush makes. */
export interface PlacedEntry {
  readonly offset: number;
  readonly id: string;
  readonly codec: EntityCodec;
  readonly change: "CREATED" | "UPDATED" | "DELETED";
  /** Roughly, of the entry. */
  readonly byteLength: number;
  /** Empty for none; a session's own id for a session. */
  readonly sessionId: string;
  /** Empty for none. */
  readonly agentId: string;
  /** What is stored of the thing as the change leaves it. */
  readonly row: Row;
  /** The same as a message, without position and times of the commit. */
  record(): FieldBag;
}

export function placedRow(entry: AppendEntry, offset: number): PlacedEntry {
  const { codec, id, row, byteLength, sessionId, agentId } = entry;
  // Made of the row when someone wants it, which mostly nobody does.
  const record = () => codec.fromRow(row);
  return { offset, id, codec, change: "CREATED", byteLength, sessionId, agentId, row, record };
}

export function placedState(
  codec: EntityCodec,
  record: FieldBag,
  { offset, change, byteLength, row }: Pick<PlacedEntry, "offset" | "change" | "byteLength" | "row">,
): PlacedEntry {
  const id = record.id as string;
  const sessionId = (record.sessionId as string | undefined) ?? id;
  const agentId = record.agentId as string;
  return { offset, change, byteLength, id, codec, sessionId, agentId, row, record: () => record };
}
