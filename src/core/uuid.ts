import { hash, randomUUID } from "node:crypto";

const PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether the text is a UUID in its canonical 8-4-4-4-12 form, in either case. */
export function isUuid(text: string): boolean {
  return text.length === 36 && PATTERN.test(text);
}

/** A new UUID version 7 (RFC 9562): milliseconds since 1970, then 74 random bits. */
export function uuidV7(nowMs: number = Date.now()): string {
  const time = nowMs.toString(16).padStart(12, "0");
  // Of a version 4, which Node makes from random bytes it draws for many at once, all but the time and the version.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

/** The UUID version 5 (RFC 9562) of a name within a namespace, itself a UUID: the same for the same two. */
export function uuidV5(namespace: string, name: string): string {
  const length = 16 + name.length * 3;
  const named = length <= NAMED.length ? NAMED : Buffer.allocUnsafe(length);
  named.write(namespace.replaceAll("-", ""), 0, "hex");
  const end = 16 + named.write(name, 16, "utf8");
  // As text: a buffer for each hash costs as much as the hash.
  const hex = hash("sha1", named.subarray(0, end), "hex");
  const variant = ((Number.parseInt(hex[16] ?? "", 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Where short names are put together to be hashed. */
const NAMED = Buffer.allocUnsafe(1024);
