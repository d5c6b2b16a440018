import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";

/** An entry to append that was read into a row and found sound; its id is null if it has none. */
export class WireEntry {
  readonly codec: EntityCodec;
  readonly row: Row;

  constructor(codec: EntityCodec, row: Row) {
    this.codec = codec;
    this.row = row;
  }
}
