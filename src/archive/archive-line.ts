import { hash } from "node:crypto";
import { rawMembers } from "../core/raw-json.js";
import { ArchiveError } from "./archive-error.js";

/** Hexadecimal digits of a line's own hash: enough to tell a damaged line; the whole file has a whole one. */
const SUM_LENGTH = 16;
const SUM_MEMBER = ',"sum":"';
const TAIL_LENGTH = SUM_MEMBER.length + SUM_LENGTH + '"}'.length;

/** One line of a file, each member as the JSON text it was written in. */
export interface ArchiveLine {
  /** What the log knows of it. */
  readonly log: ReadonlyMap<string, string>;
  /** What it is. */
  readonly record: ReadonlyMap<string, string>;
  /** "goals.jsonl line 3" */
  readonly where: string;
}

/** A line from the JSON texts of its two members. */
export function archiveLine(log: string, record: string): string {
  const content = `{"log":${log},"record":${record}`;
  return `${content}${SUM_MEMBER}${sum(content)}"}\n`;
}

/** @throws ArchiveError damaged, naming the line */
export function parseArchiveLine(text: string, where: string): ArchiveLine {
  const content = text.slice(0, -TAIL_LENGTH);
  if (text.length <= TAIL_LENGTH || text.slice(-TAIL_LENGTH) !== `${SUM_MEMBER}${sum(content)}"}`) {
    throw new ArchiveError("damaged", `${where} was altered: its hash is not the one at its end`);
  }
  try {
    const members = rawMembers(`${content}}`);
    return {
      log: rawMembers(members.get("log") ?? "{}"),
      record: rawMembers(members.get("record") ?? "{}"),
      where,
    };
  } catch (error) {
    throw new ArchiveError("damaged", `${where} is no line of an export: ${(error as Error).message}`, error);
  }
}

/** The JSON text of an object from those of its members; absent ones are left out. */
export function jsonObject(members: Readonly<Record<string, string | undefined>>): string {
  const parts = Object.entries(members).flatMap(([name, value]) =>
    value === undefined ? [] : `${JSON.stringify(name)}:${value}`,
  );
  return `{${parts.join(",")}}`;
}

function sum(content: string): string {
  return hash("sha256", content, "hex").slice(0, SUM_LENGTH);
}
