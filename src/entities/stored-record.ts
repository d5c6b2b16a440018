import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { rawMembers } from "../core/raw-json.js";
import { microsFromText, timestampFromMicros } from "../core/time.js";
import type { ColumnType, ColumnValue, Row } from "./columns.js";
import type { EntityCodec } from "./entity-codec.js";
import type { FieldBag } from "./field-codec.js";
import type { StoredRow } from "./stored-row.js";

/** The columns after an entity's own that the commit sets; `update_time` only where there is a state. */
export function commitColumns(codec: EntityCodec): readonly string[] {
  const common = ["position", "create_time"];
  return codec.entity.nature === "state" ? [...common, "update_time"] : common;
}

/** Own columns followed by those of `commitColumns`; what comes after is left alone. */
export function storedFromRow(codec: EntityCodec, row: Row): StoredRow {
  const { length } = codec.columns;
  return {
    row,
    position: row[length] as bigint,
    createMicros: row[length + 1] as bigint,
    updateMicros: codec.entity.nature === "state" ? (row[length + 2] as bigint) : undefined,
  };
}

/** The row that the `state` of a revision holds. */
export function storedFromState(codec: EntityCodec, state: string): StoredRow {
  const members = rawMembers(state);
  const value = (name: string, type: ColumnType) => valueFromState(type, members.get(name) ?? "null");
  return {
    row: codec.columns.map(({ name, type }) => value(name, type)),
    position: value("position", "bigint") as bigint,
    createMicros: value("create_time", "timestamptz") as bigint,
    updateMicros: value("update_time", "timestamptz") as bigint,
  };
}

/** The message of a thing as it is stored. */
export function recordFromStored(codec: EntityCodec, stored: StoredRow): FieldBag {
  const message = codec.fromRow(stored.row);
  const { position, createMicros, updateMicros } = stored;
  const updateTime = updateMicros === undefined ? undefined : timestampFromMicros(updateMicros);
  setCommitFields(message, position, timestampFromMicros(createMicros), updateTime);
  return message;
}

/** A message from its own columns followed by those of `commitColumns`. */
export function recordFromRow(codec: EntityCodec, row: Row): FieldBag {
  return recordFromStored(codec, storedFromRow(codec, row));
}

/** A message from the `state` of one of its revisions. */
export function recordFromState(codec: EntityCodec, state: string): FieldBag {
  return recordFromStored(codec, storedFromState(codec, state));
}

/** Sets what the commit decided. One Timestamp may serve for all records of a flush. */
export function setCommitFields(
  message: FieldBag,
  position: bigint,
  createTime: Timestamp,
  updateTime: Timestamp | undefined,
): void {
  message.position = position;
  message.createTime = createTime;
  if (updateTime !== undefined) message.updateTime = updateTime;
}

function valueFromState(type: ColumnType, json: string): ColumnValue {
  if (json === "null") return null;
  switch (type) {
    case "json":
    case "jsonb":
      return json;
    case "bigint":
      return BigInt(json);
    case "double precision":
      // What JSON has no number for stands there as a string: "NaN".
      return Number(JSON.parse(json));
    case "timestamptz":
      return microsFromText(JSON.parse(json));
    case "real[]":
      return `{${json.slice(1, -1)}}`;
    case "bytea":
      return Buffer.from((JSON.parse(json) as string).slice("\\x".length), "hex");
    default:
      return JSON.parse(json);
  }
}
