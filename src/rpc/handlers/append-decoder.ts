import { fromBinary } from "@bufbuild/protobuf";
import {
  AppendRequestSchema,
  AppendStreamRequestSchema,
  type Entry,
  EntrySchema,
} from "../../../gen/holdfast/v1/event_pb.js";
import { WireReader } from "../../core/wire-reader.js";
import type { Codecs } from "../../entities/codecs.js";
import type { EntityCodec } from "../../entities/entity-codec.js";
import { createWireRowReader, type WireRowReader } from "../../entities/wire-row.js";
import type { EntryLimits } from "../../service/limits.js";
import { WireEntry } from "../../service/wire-entry.js";
import { decodeMessage } from "../message-codec.js";

/** An entry of a batch: read into a row already, or a message. */
export type GivenEntry = Entry | WireEntry;

/** Decodes the requests that bring batches of entries. */
export interface AppendDecoder {
  /** An AppendStreamRequest, its entries being `GivenEntry`. @throws MALFORMED_MESSAGE */
  stream(bytes: Uint8Array): object;
  /** An AppendRequest, its entries being `GivenEntry`. @throws MALFORMED_MESSAGE */
  unary(bytes: Uint8Array): object;
}

const BATCH_TAG = 0x12;
const BATCH_SEQUENCE_TAG = 0x08;
const BATCH_ENTRY_TAG = 0x12;
const REQUEST_ENTRY_TAG = 0x0a;

/**
 * Reads the usual request in one pass, from the bytes to the values of columns.
 * What is unusual in an entry leaves that entry, and in the request
 * the whole of it, to the general decoder, so that this one decides nothing about what is valid.
 */
export function createAppendDecoder(codecs: Codecs, { maxBytesPerEntry }: EntryLimits): AppendDecoder {
  const readers: ({ readonly codec: EntityCodec; readonly read: WireRowReader } | undefined)[] = [];
  for (const { number, message } of EntrySchema.fields) {
    const codec = message && codecs.ofMessage(message);
    const read = codec && createWireRowReader(codec.entity);
    if (codec && read) readers[(number << 3) | 2] = { codec, read };
  }

  const entry = (reader: WireReader, end: number): GivenEntry => {
    const from = reader.at;
    const outer = reader.end;
    reader.end = end;
    // Near the limit it is for the general path to measure exactly.
    const known = end - from < maxBytesPerEntry / 2 ? readers[reader.varint()] : undefined;
    const isWhole = known !== undefined && reader.delimited() === end;
    const row = isWhole ? known.read(reader) : undefined;
    reader.at = end;
    reader.end = outer;
    if (known && row) return new WireEntry(known.codec, row);
    return fromBinary(EntrySchema, reader.bytes.subarray(from, end), { readUnknownFields: false });
  };

  return {
    stream(bytes) {
      const reader = new WireReader(bytes);
      try {
        const isBatch = reader.varint() === BATCH_TAG && reader.delimited() === bytes.byteLength;
        const batch = isBatch ? readBatch(reader, entry, BATCH_ENTRY_TAG, BATCH_SEQUENCE_TAG) : undefined;
        if (batch) return { request: { case: "batch", value: batch } };
      } catch {
        // Malformed: the general decoder says how.
      }
      return decodeMessage(AppendStreamRequestSchema, bytes);
    },
    unary(bytes) {
      try {
        const request = readBatch(new WireReader(bytes), entry, REQUEST_ENTRY_TAG, undefined);
        if (request) return request;
      } catch {
        // Malformed: the general decoder says how.
      }
      return decodeMessage(AppendRequestSchema, bytes);
    },
  };
}

function readBatch(
  reader: WireReader,
  readEntry: (reader: WireReader, end: number) => GivenEntry,
  entryTag: number,
  sequenceTag: number | undefined,
): { sequence: bigint; entries: GivenEntry[] } | undefined {
  const entries: GivenEntry[] = [];
  let sequence = 0;
  while (reader.at < reader.end) {
    const tag = reader.varint();
    if (tag === entryTag) {
      const end = reader.delimited();
      if (end < 0) return undefined;
      entries.push(readEntry(reader, end));
    } else if (tag === sequenceTag) {
      sequence = reader.varint();
      if (sequence < 0) return undefined;
    } else {
      return undefined;
    }
  }
  return { sequence: BigInt(sequence), entries };
}
