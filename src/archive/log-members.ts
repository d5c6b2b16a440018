import { ArchiveError } from "./archive-error.js";
import type { ArchiveLine } from "./archive-line.js";
import { memberValue } from "./record-json.js";

/** What a line's `log` says under a name. @throws ArchiveError damaged */
export function textMember(line: ArchiveLine, name: string): string {
  return member(line, name, "text") as string;
}

export function wholeMember(line: ArchiveLine, name: string): bigint {
  return member(line, name, "bigint") as bigint;
}

/** In microseconds since 1970. */
export function timeMember(line: ArchiveLine, name: string): bigint {
  return member(line, name, "timestamptz") as bigint;
}

/** Of hexadecimal text. */
export function bytesMember(line: ArchiveLine, name: string): Buffer {
  return Buffer.from(textMember(line, name), "hex");
}

function member({ log, where }: ArchiveLine, name: string, type: "text" | "bigint" | "timestamptz") {
  const value = memberValue(type, log.get(name), `${where}: ${name}`);
  if (value === null) throw new ArchiveError("damaged", `${where} lacks ${name}`);
  return value;
}
