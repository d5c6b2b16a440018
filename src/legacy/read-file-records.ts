import { isUtf8 } from "node:buffer";
import type { Readable } from "node:stream";
import { type Enters, type JsonPart, JsonSplitter } from "./json-splitter.js";
import type { SourceKind } from "./source-kind.js";
import { kindNamed } from "./source-kinds.js";
import { type BadRecord, MAX_VALUE_BYTES, type SourceRecord } from "./source-record.js";

export interface FileToRead {
  /** From the folder, as reports name it. */
  readonly file: string;
  /** Its bytes, from the beginning. */
  read(): Promise<Readable>;
  readonly kind: SourceKind;
}

/** The records of a JSON file in their order, one at a time whatever its size, and what cannot be one. */
export async function* readFileRecords(source: FileToRead): AsyncGenerator<SourceRecord | BadRecord> {
  if (source.kind.shape === "lines" || source.kind.shape === "records") {
    yield* readLines(source);
    return;
  }
  const splitter = new JsonSplitter(entersFor(source.kind), MAX_VALUE_BYTES);
  for await (const chunk of await source.read()) {
    for (const part of splitter.push(asBuffer(chunk as Uint8Array))) {
      const record = recordFromPart(source, part);
      yield record;
      if ("endsFile" in record && record.endsFile) return;
    }
  }
  for (const part of splitter.end()) yield recordFromPart(source, part);
}

async function* readLines(source: FileToRead): AsyncGenerator<SourceRecord | BadRecord> {
  let number = 0;
  for await (const { raw, bytes } of linesOf(await source.read())) {
    number += 1;
    const text = raw.toString("utf8").trim();
    if (bytes > MAX_VALUE_BYTES) {
      const problem = `expected at most ${MAX_VALUE_BYTES} bytes, got ${bytes}`;
      yield recordFromPart(source, { path: [number], raw, problem });
    } else if (text !== "") yield recordFromPart(source, { path: [number], raw: Buffer.from(text) });
  }
}

/** Lines without their end, and how long each is: of one that is too long no more is held than may be. */
async function* linesOf(chunks: Readable): AsyncGenerator<{ readonly raw: Buffer; readonly bytes: number }> {
  let pieces: Buffer[] = [];
  let bytes = 0;
  const take = (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= MAX_VALUE_BYTES) pieces.push(piece);
  };
  for await (const chunk of chunks) {
    let rest = asBuffer(chunk as Uint8Array);
    for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED)) {
      take(rest.subarray(0, end));
      yield { raw: Buffer.concat(pieces), bytes };
      pieces = [];
      bytes = 0;
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) take(rest);
  }
  if (bytes > 0) yield { raw: Buffer.concat(pieces), bytes };
}

function entersFor({ shape, lists = [] }: SourceKind): Enters {
  switch (shape) {
    case "list":
      return (path, opening) =>
        path.length === 0 || (path.length === 1 && opening === "[" && lists.includes(String(path[0])));
    case "map":
      return (path) => path.length === 0;
    case "sections":
      return (path, opening) => opening === "{" && path.length < 2;
    default:
      return () => false;
  }
}

function recordFromPart(source: FileToRead, part: JsonPart): SourceRecord | BadRecord {
  const { file, kind } = source;
  const path = `$${part.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("")}`;
  const bad = (reason: string, endsFile = false): BadRecord => ({
    file,
    path,
    reason,
    raw: part.raw,
    endsFile,
  });
  if (part.problem !== undefined) return bad(part.problem, part.endsFile);
  if (!isUtf8(part.raw)) return bad("not UTF-8");
  if (part.path.length === 0 && part.raw[0] !== OPEN_BRACE) return bad("expected an object or a list", true);
  const text = part.raw.toString("utf8");
  const record = { kind, fields: kind.fields, file, path, text, addedLeaves: 0, placeId: "" };
  switch (kind.shape) {
    case "list": {
      const isItem = typeof part.path.at(-1) === "number";
      return isItem ? record : asConfiguration(record, `legacy.${file}.${part.path.join(".")}`, "legacy");
    }
    case "map":
      return withKey(record, String(part.path[0] ?? ""));
    case "sections": {
      const [section = "", key] = part.path.map(String);
      return asConfiguration(record, key === undefined ? section : `${section}.${key}`, section);
    }
    case "lines":
      return { ...record, path: `line ${part.path[0]}`, placeId: `${file}:${part.path[0]}` };
    case "records":
      // What cannot be found again by its id keeps that of its file.
      return {
        ...record,
        path: `line ${part.path[0]}`,
        placeId: kind.id.length === 0 ? `${file}:${path}` : "",
      };
    case "one":
      return { ...record, placeId: file };
  }
}

// Decrypted bytes come as plain ones.
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

const OPEN_BRACE = 0x7b;
const LINE_FEED = 0x0a;

/** A value with a name of its own: a setting, or what stands in a file beside its list. */
function asConfiguration(record: SourceRecord, key: string, type: string): SourceRecord {
  const kind = kindNamed("configuration");
  const text = `{"config_key":${JSON.stringify(key)},"config_value":${record.text},"config_type":${JSON.stringify(type)}}`;
  return { ...record, kind, fields: kind.fields, text, addedLeaves: 2 };
}

/** Where the key says other than the record itself, it is kept with it. */
function withKey(record: SourceRecord, key: string): SourceRecord {
  const { text } = record;
  const name = JSON.stringify(record.kind.id[0]);
  const isNamed =
    text.includes(`${name}: ${JSON.stringify(key)}`) || text.includes(`${name}:${JSON.stringify(key)}`);
  if (isNamed || !text.startsWith("{")) return { ...record, placeId: key };
  const comma = text.trimEnd() === "{}" ? "" : ",";
  return {
    ...record,
    text: `{"_key":${JSON.stringify(key)}${comma}${text.slice(1)}`,
    addedLeaves: 1,
    placeId: key,
  };
}
