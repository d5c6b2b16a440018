import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { rawMembers } from "../core/raw-json.js";
import { microsFromText, timestampFromMicros } from "../core/time.js";
import type { ColumnType, ColumnValue, Row } from "./columns.js";
import type { EntityCodec } from "./entity-codec.js";
import type { FieldBag } from "./field-codec.js";

/** The columns after an entity's own that the commit sets; `update_time` only where there is a state. */
export function commitColumns(codec: EntityCodec): readonly string[] {
  const common = ["position", "create_time"];
  return codec.entity.nature === "state" ? [...common, "update_time"] : common;
}

/** A message from its own columns followed by those of `commitColumns`; what comes after is left alone. */
export function recordFromRow(codec: EntityCodec, row: Readonly<Row>): FieldBag {
  const message = codec.fromRow(row);
  const [position, created, updated] = row.slice(codec.columns.length) as bigint[];
  const updateTime = codec.entity.nature === "state" ? timestampFromMicros(updated as bigint) : undefined;
  setCommitFields(message, position as bigint, timestampFromMicros(created as bigint), updateTime);
  return message;
}

/** The row that the `state` of a revision holds, and when the thing was created, in microseconds since 1970. */
export function rowFromState(
  codec: EntityCodec,
  state: string,
): { readonly row: Row; readonly createMicros: bigint } {
  const members = rawMembers(state);
  const row = codec.columns.map(({ name, type }) => valueFromState(type, members.get(name) ?? "null"));
  return { row, createMicros: microsFromText(JSON.parse(members.get("create_time") ?? "")) };
}

/** A message from the `state` of one of its revisions. */
export function recordFromState(codec: EntityCodec, state: string): FieldBag {
  const members = rawMembers(state);
  const value = (name: string, type: ColumnType) => valueFromState(type, members.get(name) ?? "null");
  const message = codec.fromRow(codec.columns.map((column) => value(column.name, column.type)));
  setCommitFields(
    message,
    value("position", "bigint") as bigint,
    timestampFromMicros(value("create_time", "timestamptz") as bigint),
    timestampFromMicros(value("update_time", "timestamptz") as bigint),
  );
  return message;
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
