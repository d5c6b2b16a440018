import pg from "pg";
import { microsFromText } from "../core/time.js";

const parsers = new Map<number, (text: string) => unknown>([
  [pg.types.builtins.INT8, BigInt],
  [pg.types.builtins.TIMESTAMPTZ, microsFromText],
  // As text: payloads must not be parsed and written again.
  [pg.types.builtins.JSON, String],
  [pg.types.builtins.JSONB, String],
  // real[]: as the text it was given in.
  [1021, String],
]);

/** How column values arrive: as `ColumnValue` describes them. */
export const columnTypes: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: string) {
    const parser = format === "binary" ? undefined : parsers.get(oid);
    return parser ?? pg.types.getTypeParser(oid, format as "text");
  },
};
