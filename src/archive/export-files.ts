import { textFromMicros } from "../core/time.js";
import type { Codecs } from "../entities/codecs.js";
import type { AppendedRow, CurrentRow, LogReader } from "../store/archive/read-log.js";
import { archiveLine, jsonObject } from "./archive-line.js";
import { recordJson } from "./record-json.js";

/** What a file of an export holds. */
export type FileContent = "appended" | "current" | "revisions" | "commits" | "memory_access";

export interface ExportFile {
  readonly name: string;
  readonly holds: FileContent;
  /** The entity's, where the file holds one. */
  readonly entity?: string;
  lines(log: LogReader): AsyncGenerator<string, void>;
}

/** The files of an export, in the order they are written; those without lines are left out. */
export function exportFiles(codecs: Codecs, isWhole: boolean): readonly ExportFile[] {
  const perEntity = codecs.all.map((codec): ExportFile => {
    const { name, table, nature } = codec.entity;
    const holds = nature === "append" ? "appended" : "current";
    return {
      name: `${table}.jsonl`,
      holds,
      entity: name,
      async *lines(log) {
        const rows = holds === "appended" ? log.appended(codec) : log.current(codec);
        for await (const each of rows) yield archiveLine(logMember(each), recordJson(codec, each.row));
      },
    };
  });
  return [...perEntity, revisions, ...(isWhole ? [commits, memoryAccess] : [])];
}

const revisions: ExportFile = {
  name: "revisions.jsonl",
  holds: "revisions",
  async *lines(log) {
    for await (const { codec, row, ...each } of log.revisions()) {
      const member = jsonObject({
        position: quoted(each.position),
        commit_time: time(each.commitMicros),
        content_hash: hex(each.contentHash),
        entity: quoted(codec.entity.name),
        change: quoted(each.change),
        create_time: time(each.createMicros),
        request_id: quoted(each.requestId),
        request_hash: hex(each.requestHash),
      });
      yield archiveLine(member, recordJson(codec, row));
    }
  },
};

const commits: ExportFile = {
  name: "commits.jsonl",
  holds: "commits",
  async *lines(log) {
    for await (const { position, firstPosition, commitMicros, hash } of log.commits()) {
      const member = jsonObject({
        first_position: quoted(firstPosition),
        position: quoted(position),
        commit_time: time(commitMicros),
        hash: hex(hash),
      });
      yield archiveLine(member, "{}");
    }
  },
};

const memoryAccess: ExportFile = {
  name: "memory_access.jsonl",
  holds: "memory_access",
  async *lines(log) {
    for await (const { memoryId, accessMicros, accessCount } of log.memoryAccess()) {
      const record = jsonObject({
        memory_id: quoted(memoryId),
        access_time: time(accessMicros),
        access_count: quoted(accessCount),
      });
      yield archiveLine("{}", record);
    }
  },
};

function logMember(row: AppendedRow | CurrentRow): string {
  if ("contentHash" in row) {
    return jsonObject({
      position: quoted(row.position),
      commit_time: time(row.commitMicros),
      content_hash: hex(row.contentHash),
      outside: Object.keys(row.outside).length > 0 ? JSON.stringify(row.outside) : undefined,
    });
  }
  return jsonObject({
    position: quoted(row.position),
    create_time: time(row.createMicros),
    update_time: time(row.updateMicros),
  });
}

function quoted(value: string | bigint): string {
  return JSON.stringify(String(value));
}

function time(micros: bigint): string {
  return quoted(textFromMicros(micros));
}

function hex(bytes: Uint8Array): string {
  return `"${Buffer.from(bytes).toString("hex")}"`;
}
