import { crc32 } from "node:zlib";
import { HoldfastError } from "../holdfast-error.js";
import type { JournalWrite } from "./journal-write.js";
import { journaledMethod, methodName } from "./journaled-methods.js";
import { type RequestJson, requestFromJson, requestToJson } from "./request-json.js";

/** A write as a line holds it. */
export type WriteJson = RequestJson & {
  /** From 1, in the order of the file. */
  readonly number: number;
  /** When it was journaled. */
  readonly time: string;
  readonly method: string;
  readonly ids: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
};

/** What one line says: a write, or that all up to a number are settled. */
export type JournalLine = WriteJson | { readonly settled: number };

const SUM = /,"crc32":"([0-9a-f]{8})"\}$/;

/** A write as a line without its number, which it gets when it is put in a file. */
export function encodeWrite({ method, ids, metadata, request }: JournalWrite, time: Date): string {
  return JSON.stringify({
    time: time.toISOString(),
    method: methodName(method),
    ids,
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    ...requestToJson(method.input, request),
  });
}

/** The whole line of what {@link encodeWrite} made, newline included. */
export function numbered(encoded: string, number: number): string {
  return summed(`{"number":${number},${encoded.slice(1)}`);
}

/** The line that says that writes up to a number need not be replayed. */
export function settledLine(upTo: number): string {
  return summed(JSON.stringify({ settled: upTo }));
}

/** An object's JSON with its checksum as the last member, and a newline. */
function summed(json: string): string {
  const head = json.slice(0, -1);
  return `${head},"crc32":"${crc32(head).toString(16).padStart(8, "0")}"}\n`;
}

/** Reads a line, given without its newline; undefined for one that is not as it was written. */
export function readLine(line: Buffer): JournalLine | undefined {
  const text = line.toString("utf8");
  const [tail, sum] = SUM.exec(text) ?? [];
  if (tail === undefined || sum === undefined) return undefined;
  if (crc32(line.subarray(0, line.length - tail.length)) !== Number.parseInt(sum, 16)) return undefined;
  return JSON.parse(text) as JournalLine;
}

/** The write of a line. Throws INVALID_ARGUMENT for one that this client does not know how to make. */
export function decodeWrite(json: WriteJson): JournalWrite {
  const method = journaledMethod(json.method);
  if (!method) throw unreadable(`expected a method that is journaled, got ${json.method}`);
  const { ids, metadata = {} } = json;
  try {
    return { method, ids, metadata, request: requestFromJson(method.input, json) };
  } catch (thrown) {
    throw unreadable(`expected a ${method.input.name}: ${(thrown as Error).message}`);
  }
}

function unreadable(message: string): HoldfastError {
  return new HoldfastError(message, { code: "INVALID_ARGUMENT" });
}
