import { type FileHandle, mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { dirname, join, posix, resolve } from "node:path";
import type { Payload } from "../../gen/holdfast/v1/payload_pb.js";
import { invalidFields, limitExceeded } from "../core/errors.js";
import { jsonPayload } from "../core/json-payload.js";
import type { Principal } from "../core/principal.js";
import type { ImportContext } from "./import-context.js";
import { ImportError } from "./import-error.js";

/** All files of one call together; what is larger is imported where it lies. */
const MAX_RECEIVED_BYTES = 8 * 1024 ** 3;
const MAX_QUARANTINE_BYTES = 2 * 1024 * 1024;
/** Of a path, which is copied below others: Linux takes 4096 in all. */
const MAX_PATH_BYTES = 1000;
/** Of each name in it: what common file systems take. */
const MAX_NAME_BYTES = 255;

interface Chunk {
  readonly name: string;
  readonly data: Uint8Array;
}

interface ReceivedOptions {
  readonly dryRun: boolean;
  readonly acceptDifferences: boolean;
}

/** What a caller is answered; fields as those of ImportResponse. */
export interface ReceivedImport {
  readonly importId: string;
  readonly completed: boolean;
  readonly recordsMigrated: bigint;
  readonly recordsQuarantined: bigint;
  readonly leavesInSource: bigint;
  readonly leavesFound: bigint;
  readonly leavesDiffering: bigint;
  readonly leavesMissing: bigint;
  readonly report: Pick<Payload, "data" | "contentType">;
  readonly quarantine: Uint8Array;
}

/** Imports files that callers send, for the tenant and in the name of whoever sends them. */
export function receivedImports(context: Omit<ImportContext, "tenantId" | "actor">, directory: string) {
  return async (
    { tenantId, actor }: Principal,
    { dryRun, acceptDifferences }: ReceivedOptions,
    chunks: AsyncIterable<Chunk>,
  ): Promise<ReceivedImport> => {
    // Loaded by the first import: an eighth of what a server computes to start, and most never import.
    const { importFolder } = await import("./import-folder.js");
    const backups = resolve(directory);
    await mkdir(backups, { recursive: true, mode: 0o700 });
    const root = await mkdtemp(join(backups, "received-"));
    try {
      await receive(root, chunks);
      const own = { ...context, tenantId, actor };
      const options = { path: root, backups, encryptTo: [], dryRun, archive: false, acceptDifferences };
      const report = await importFolder(own, options).catch((error: unknown) => {
        if (!(error instanceof ImportError)) throw error;
        const description = "expected files of the older agent, got none that is known";
        throw invalidFields([{ field: "chunk.name", description }]);
      });
      const { migration_summary: summary, verification, migration_details: details } = report;
      const quarantine = details.quarantine.file ? await readFile(details.quarantine.file) : Buffer.alloc(0);
      return {
        importId: summary.import_id,
        completed: summary.status === "completed",
        recordsMigrated: BigInt(summary.records_migrated),
        recordsQuarantined: BigInt(summary.records_quarantined),
        leavesInSource: BigInt(verification?.leaves_in_source ?? 0),
        leavesFound: BigInt(verification?.leaves_found ?? 0),
        leavesDiffering: BigInt(verification?.differing ?? 0),
        leavesMissing: BigInt(verification?.missing ?? 0),
        report: jsonPayload(report),
        quarantine: quarantine.subarray(0, MAX_QUARANTINE_BYTES),
      };
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  };
}

async function receive(root: string, chunks: AsyncIterable<Chunk>): Promise<void> {
  const files = new Set<string>();
  const folders = new Set<string>();
  let current: { readonly name: string; readonly file: FileHandle } | undefined;
  let bytes = 0;
  try {
    for await (const { name, data } of chunks) {
      if (current?.name !== name) {
        await current?.file.close();
        current = undefined;
        const path = checkedPath(name);
        if (files.has(path)) throw invalidName("the chunks of each file one after the other", name);
        files.add(path);
        for (const folder of foldersOf(path)) folders.add(folder);
        if (folders.has(path) || foldersOf(path).some((folder) => files.has(folder))) {
          throw invalidName("no name of both a file and a folder", name);
        }
        await mkdir(dirname(join(root, path)), { recursive: true, mode: 0o700 });
        current = { name, file: await open(join(root, path), "wx", 0o600) };
      }
      bytes += data.byteLength;
      if (bytes > MAX_RECEIVED_BYTES) throw limitExceeded("chunk.data", "bytes", MAX_RECEIVED_BYTES, bytes);
      await current.file.write(data);
    }
  } finally {
    await current?.file.close();
  }
}

/** A path within the folder, whoever sent it. */
function checkedPath(name: string): string {
  const path = posix.normalize(name);
  const isWithin = name !== "" && !posix.isAbsolute(path) && !path.split("/").includes("..");
  if (!isWithin || /[\\\0:]/.test(name) || path.endsWith("/") || path === ".") {
    throw invalidName("a path within a folder", name);
  }
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw invalidName(`at most ${MAX_PATH_BYTES} bytes`, name);
  if (path.split("/").some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES)) {
    throw invalidName(`at most ${MAX_NAME_BYTES} bytes between slashes`, name);
  }
  return path;
}

/** "a" and "a/b" of "a/b/c". */
function foldersOf(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}

function invalidName(expected: string, name: string) {
  const description = `expected ${expected}, got ${JSON.stringify(name.slice(0, 80))}`;
  return invalidFields([{ field: "chunk.name", description }]);
}
