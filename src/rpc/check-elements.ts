import type { DescMessage } from "@bufbuild/protobuf";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError, limitExceeded } from "../core/errors.js";
import {
  type ElementField,
  type ElementPlan,
  END_GROUP,
  elementPlan,
  FIXED32,
  FIXED64,
  LENGTH_DELIMITED,
  START_GROUP,
  VARINT,
} from "./element-plan.js";

/**
 * Elements of one list or map. The largest one that a record may have is a map of 10,000 learned scores; what is somewhat
 * larger is decoded, so that the rule of its own field refuses it.
 */
export const MAX_LIST_ELEMENTS = 20_000;
/**
 * Fields and elements of one message, at all levels. Decoding takes up to a third of a microsecond for each of them, so at
 * most some 40 ms of the only thread. 500 entries with 64 labels each have 106,000.
 */
export const MAX_MESSAGE_ELEMENTS = 120_000;
/** Bytes. A field takes at least two, so that a smaller message has few, and counting would cost more than it saves. */
export const SMALL_MESSAGE_BYTES = 16 * 1024;
/** Messages within messages. Ours have some six levels; the decoder itself stops at 100. */
const MAX_DEPTH = 100;
/** Of a tag or a length, which have 32 bits. */
const MAX_VARINT_BYTES = 5;

/** What was counted of a message so far. */
export interface ElementCount {
  elements: number;
}

/**
 * Refuses an encoded message with more elements than may be decoded: 4 MiB hold two million empty ones, which take most of a
 * second to decode, and hundreds of MiB.
 *
 * @throws LIMIT_EXCEEDED naming the list, MALFORMED_MESSAGE
 */
export function checkElements(schema: DescMessage, bytes: Uint8Array): void {
  if (bytes.byteLength > SMALL_MESSAGE_BYTES) countElements(schema, bytes, "", { elements: 0 });
}

/**
 * Adds the fields and elements of an encoded message, which may be a part of a larger one, to the count.
 *
 * @param path of the part, for the error: `entries[3].`
 * @throws LIMIT_EXCEEDED if a list has too many, or all counted are, MALFORMED_MESSAGE
 */
export function countElements(
  schema: DescMessage,
  bytes: Uint8Array,
  path: string,
  count: ElementCount,
): void {
  new Counter(schema, bytes, path, count).message(elementPlan(schema), bytes.byteLength);
}

/** LIMIT_EXCEEDED for a message that has too many fields and elements in all; `path` is where it stands, "" for a whole one. */
export function tooManyElements(path: string): HoldfastError {
  const field = path.replace(/\.$/, "");
  const [limit, actual] = [MAX_MESSAGE_ELEMENTS, MAX_MESSAGE_ELEMENTS + 1];
  const unit = "fields and elements in all";
  if (field !== "") return limitExceeded(field, unit, limit, actual, true);
  const message = `expected a message of at most ${limit} ${unit}, got ${actual} or more`;
  const metadata = { limit: String(limit), actual: String(actual) };
  return new HoldfastError(ErrorReason.LIMIT_EXCEEDED, message, { metadata });
}

class Counter {
  readonly #schema: DescMessage;
  readonly #bytes: Uint8Array;
  readonly #path: string;
  readonly #count: ElementCount;
  /** The fields that lead to the message it reads. */
  readonly #within: string[] = [];
  #at = 0;

  constructor(schema: DescMessage, bytes: Uint8Array, path: string, count: ElementCount) {
    this.#schema = schema;
    this.#bytes = bytes;
    this.#path = path;
    this.#count = count;
  }

  /** Counts what one message has from here to its end. */
  message(plan: ElementPlan, end: number): void {
    if (this.#within.length > MAX_DEPTH) throw this.#malformed(`more than ${MAX_DEPTH} levels of messages`);
    // In fewer bytes no list has too many: packed numbers take one byte each, other elements more.
    const counts: number[] | undefined = end - this.#at > MAX_LIST_ELEMENTS ? [] : undefined;
    let groups = 0;
    while (this.#at < end) {
      this.#add(1);
      const tag = this.#varint(end);
      const wireType = tag & 7;
      // The fields in a group that is not known are those of another message.
      const field = groups === 0 ? plan[tag >>> 3] : undefined;
      if (field && wireType !== field.wireType && !(field.isPackable && wireType === LENGTH_DELIMITED)) {
        throw this.#malformed(`${field.name} with the wire type ${wireType}`);
      }
      if (wireType === START_GROUP) groups += 1;
      if (wireType === END_GROUP) groups -= 1;
      const valueEnd = this.#valueEnd(wireType, end);
      if (groups < 0) throw this.#malformed("the end of a group that did not begin");
      if (groups > MAX_DEPTH) throw this.#malformed(`more than ${MAX_DEPTH} levels of groups`);
      let index = -1;
      if (field?.isRepeated) {
        const more = this.#elements(field, wireType, valueEnd);
        if (counts) {
          index = counts[tag >>> 3] ?? 0;
          if (index + more > MAX_LIST_ELEMENTS) throw this.#tooMany(field, index + more);
          counts[tag >>> 3] = index + more;
        }
      }
      if (field?.message) {
        this.#within.push(index < 0 ? field.name : `${field.name}[${index}]`);
        this.message(field.message, valueEnd);
        this.#within.pop();
      }
      this.#at = valueEnd;
    }
    if (groups > 0) throw this.#malformed("a group that does not end");
  }

  #add(count: number): void {
    this.#count.elements += count;
    if (this.#count.elements > MAX_MESSAGE_ELEMENTS) throw tooManyElements(this.#path);
  }

  /** How many elements the value that begins here has. */
  #elements({ isPackable, wireType }: ElementField, given: number, valueEnd: number): number {
    if (!isPackable || given !== LENGTH_DELIMITED) return 1;
    const length = valueEnd - this.#at;
    // Such numbers are read fast, and take so many bytes that there are not too many of them in a message.
    if (wireType === FIXED32) return Math.ceil(length / 4);
    if (wireType === FIXED64) return Math.ceil(length / 8);
    let numbers = 0;
    for (let at = this.#at; at < valueEnd && numbers <= MAX_LIST_ELEMENTS; at += 1) {
      if ((this.#bytes[at] as number) < 0x80) numbers += 1;
    }
    this.#add(numbers);
    return numbers;
  }

  /** Where the value ends whose tag was read; what it holds then begins here. */
  #valueEnd(wireType: number, end: number): number {
    let valueEnd = this.#at;
    switch (wireType) {
      case VARINT:
        while (valueEnd < end && (this.#bytes[valueEnd] as number) >= 0x80) valueEnd += 1;
        valueEnd += 1;
        break;
      case FIXED64:
        valueEnd += 8;
        break;
      case FIXED32:
        valueEnd += 4;
        break;
      case LENGTH_DELIMITED: {
        const length = this.#varint(end);
        valueEnd = this.#at + length;
        break;
      }
      case START_GROUP:
      case END_GROUP:
        break;
      default:
        throw this.#malformed(`the wire type ${wireType}`);
    }
    if (valueEnd > end) throw this.#malformed("a field that ends past its message");
    return valueEnd;
  }

  #varint(end: number): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < MAX_VARINT_BYTES && this.#at < end; i += 1) {
      const byte = this.#bytes[this.#at++] as number;
      if (byte < 0x80) return value + byte * factor;
      value += (byte & 0x7f) * factor;
      factor *= 0x80;
    }
    throw this.#malformed("a tag or a length that has no end");
  }

  #tooMany({ name }: ElementField, actual: number): HoldfastError {
    const path = [...this.#within, name].join(".");
    return limitExceeded(`${this.#path}${path}`, "elements", MAX_LIST_ELEMENTS, actual, true);
  }

  #malformed(what: string): HoldfastError {
    return malformedMessage(this.#schema, what);
  }
}

/** MALFORMED_MESSAGE for bytes that are no message of this type. */
export function malformedMessage(schema: DescMessage, why: string, cause?: unknown): HoldfastError {
  const message = `expected a ${schema.typeName}, got bytes that are none: ${why}`;
  return new HoldfastError(ErrorReason.MALFORMED_MESSAGE, message, {
    metadata: { type: schema.typeName },
    ...(cause !== undefined && { cause }),
  });
}
