import { fromBinary } from "@bufbuild/protobuf";
import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import {
  AppendRequestSchema,
  AppendStreamRequestSchema,
  type Entry,
  EntrySchema,
} from "../../../gen/holdfast/v1/event_pb.js";
import { HoldfastError, limitExceeded } from "../../core/errors.js";
import { WireReader } from "../../core/wire-reader.js";
import type { Codecs } from "../../entities/codecs.js";
import type { EntityCodec } from "../../entities/entity-codec.js";
import { createWireRowReader, type WireRowReader } from "../../entities/wire-row.js";
import type { EntryLimits } from "../../service/limits.js";
import { WireEntry } from "../../service/wire-entry.js";
import {
  countElements,
  MAX_LIST_ELEMENTS,
  MAX_MESSAGE_ELEMENTS,
  SMALL_MESSAGE_BYTES,
  tooManyElements,
} from "../check-elements.js";
import { decodeMessage } from "../message-codec.js";

/** An entry of a batch: read into a row already, a message, or why it was not decoded. */
export type GivenEntry = Entry | WireEntry | HoldfastError;

/** The entries of a batch, or why none of them was decoded. */
export type GivenEntries = readonly GivenEntry[] | HoldfastError;

/** Decodes the requests that bring batches of entries. */
export interface AppendDecoder {
  /** An AppendStreamRequest, its entries being `GivenEntries`. @throws MALFORMED_MESSAGE, LIMIT_EXCEEDED */
  stream(bytes: Uint8Array): object;
  /** An AppendRequest, its entries being `GivenEntries`. @throws MALFORMED_MESSAGE, LIMIT_EXCEEDED */
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
export function createAppendDecoder(
  codecs: Codecs,
  { maxBytesPerEntry, maxEntriesPerBatch }: EntryLimits,
): AppendDecoder {
  const readers: ({ readonly codec: EntityCodec; readonly read: WireRowReader } | undefined)[] = [];
  for (const { number, message } of EntrySchema.fields) {
    const codec = message && codecs.ofMessage(message);
    const read = codec && createWireRowReader(codec.entity);
    if (codec && read) readers[(number << 3) | 2] = { codec, read };
  }

  const entry = (reader: WireReader, end: number, index: number): GivenEntry => {
    const from = reader.at;
    const outer = reader.end;
    const { elements } = reader;
    reader.end = end;
    // Near the limit it is for the general path to measure exactly.
    const known = end - from < maxBytesPerEntry / 2 ? readers[reader.varint()] : undefined;
    const isWhole = known !== undefined && reader.delimited() === end;
    const row = isWhole ? known.read(reader) : undefined;
    reader.at = end;
    reader.end = outer;
    if (known && row) return new WireEntry(known.codec, row);
    // What was read of it so far is counted again.
    reader.elements = elements;
    const message = reader.bytes.subarray(from, end);
    const refusal = reader.end > SMALL_MESSAGE_BYTES ? refusalOf(message, index, reader) : undefined;
    return refusal ?? fromBinary(EntrySchema, message, { readUnknownFields: false });
  };

  /** Reads the entries of a batch, and its sequence where that has a tag; undefined for what is unusual in it. */
  const readBatch = (reader: WireReader, entryTag: number, sequenceTag: number | undefined) => {
    const entries: GivenEntry[] = [];
    let refusal: HoldfastError | undefined;
    let count = 0;
    let sequence = 0;
    let isCounted = false;
    while (reader.at < reader.end && !isCounted) {
      const tag = reader.varint();
      if (tag === entryTag) {
        const end = reader.delimited();
        if (end < 0) return undefined;
        if (count < maxEntriesPerBatch && !refusal) entries.push(entry(reader, end, count));
        // Of a batch that is refused the rest is not looked into.
        else reader.at = end;
        count += 1;
        if (reader.elements > MAX_MESSAGE_ELEMENTS) refusal = tooManyElements("entries");
        // By how much it is too large need not be known exactly, but whose answer the refusal is.
        const isFarOver = count > maxEntriesPerBatch + MAX_LIST_ELEMENTS;
        isCounted = isFarOver && (sequenceTag === undefined || sequence > 0);
      } else if (tag === sequenceTag) {
        sequence = reader.varint();
        if (sequence < 0) return undefined;
      } else {
        return undefined;
      }
    }
    if (count > maxEntriesPerBatch) {
      refusal = limitExceeded("entries", "entries", maxEntriesPerBatch, count, isCounted);
    }
    return { sequence: BigInt(sequence), entries: refusal ?? entries };
  };

  return {
    stream(bytes) {
      const reader = new WireReader(bytes);
      try {
        const isBatch = reader.varint() === BATCH_TAG && reader.delimited() === bytes.byteLength;
        const batch = isBatch ? readBatch(reader, BATCH_ENTRY_TAG, BATCH_SEQUENCE_TAG) : undefined;
        if (batch) return { request: { case: "batch", value: batch } };
      } catch {
        // Malformed: the general decoder says how.
      }
      return decodeMessage(AppendStreamRequestSchema, bytes);
    },
    unary(bytes) {
      try {
        const request = readBatch(new WireReader(bytes), REQUEST_ENTRY_TAG, undefined);
        if (request) return request;
      } catch {
        // Malformed: the general decoder says how.
      }
      return decodeMessage(AppendRequestSchema, bytes);
    },
  };
}

/** Why an entry is not decoded: it, or the batch as far as it, has too many elements. @throws MALFORMED_MESSAGE */
function refusalOf(entry: Uint8Array, index: number, count: WireReader): HoldfastError | undefined {
  try {
    countElements(EntrySchema, entry, `entries[${index}].`, count);
    return undefined;
  } catch (error) {
    if (error instanceof HoldfastError && error.reason === ErrorReason.LIMIT_EXCEEDED) return error;
    throw error;
  }
}
