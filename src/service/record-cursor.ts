import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { CursorPart } from "../core/page-token.js";
import { microsFromTimestamp } from "../core/time.js";
import type { FieldBag } from "../entities/field-codec.js";

/** Where a page ended: the values of the columns a list goes by. */
export function recordCursor(columns: readonly string[], record: FieldBag): readonly string[] {
  return columns.map((column) =>
    column === "create_time"
      ? String(microsFromTimestamp(record.createTime as Timestamp))
      : String(record[column]),
  );
}

/** What those values are. */
export function cursorParts(columns: readonly string[]): readonly CursorPart[] {
  return columns.map((column) => (column === "id" ? "UUID" : "whole number"));
}
