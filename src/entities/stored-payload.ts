import { create } from "@bufbuild/protobuf";
import { type Payload, PayloadSchema } from "../../gen/holdfast/v1/payload_pb.js";

/** A payload as its three columns hold it: `json` or `bytes`, never both. */
export interface StoredPayload {
  /** As text when read, as UTF-8 when to be written: the bytes as they were given. */
  readonly json: string | Uint8Array | null;
  readonly bytes: Uint8Array | null;
  readonly contentType: string | null;
}

/** Of a payload whose content type is NULL. */
export const JSON_TYPE = "application/json";

/**
 * Deeper than this, JSON is kept as bytes. Postgres parses json recursively and
 * refuses what would overflow its stack (some 6,000 levels at the default
 * max_stack_depth); no honest document comes near.
 */
const MAX_JSON_DEPTH = 512;

// With ignoreBOM the decoder keeps a byte order mark, so that JSON.parse refuses
// it and the payload is kept as bytes, mark included.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Where a payload's bytes go: strict JSON in a `json` column, which keeps the
 * text as written and is open to SQL; everything else, NaN text included, in
 * `bytea`.
 */
export function storedPayload(payload: Payload): StoredPayload {
  const contentType = payload.contentType === JSON_TYPE ? null : payload.contentType;
  const parsed = strictJson(payload);
  // In a row's JSON a column that is NULL and one that holds null look the same.
  const isKept = parsed !== undefined && parsed.value !== null;
  return isKept
    ? { json: payload.data, bytes: null, contentType }
    : { json: null, bytes: payload.data, contentType };
}

/** The payload as it was given, or undefined when none was. */
export function payloadFromStored(stored: StoredPayload): Payload | undefined {
  const content = stored.json ?? stored.bytes;
  if (content === null) return undefined;
  return create(PayloadSchema, {
    data: typeof content === "string" ? Buffer.from(content, "utf8") : new Uint8Array(content),
    contentType: stored.contentType ?? JSON_TYPE,
  });
}

function isJsonType(contentType: string): boolean {
  return contentType === JSON_TYPE || contentType === "" || contentType.endsWith("+json");
}

/** What a payload says, if it is strict JSON by its type and its bytes; undefined if not. */
export function strictJson({ contentType, data }: Payload): { readonly value: unknown } | undefined {
  if (!isJsonType(contentType) || isDeep(data)) return undefined;
  try {
    return { value: JSON.parse(utf8.decode(data)) };
  } catch {
    return undefined;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether brackets outside strings nest past the limit. */
function isDeep(data: Uint8Array): boolean {
  if (data.byteLength <= MAX_JSON_DEPTH) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < data.byteLength; i++) {
    const byte = data[i];
    if (inString) {
      if (byte === BACKSLASH) i += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) {
      inString = true;
    } else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > MAX_JSON_DEPTH) return true;
    } else if (byte === 0x5d || byte === 0x7d) {
      depth -= 1;
    }
  }
  return false;
}
