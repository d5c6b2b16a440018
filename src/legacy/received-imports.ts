import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Principal } from "../core/principal.js";
import { fromDisk } from "../transfers/disk-error.js";
import type { Transfer } from "../transfers/transfer.js";
import type { Transfers } from "../transfers/transfers.js";
import { workerTask } from "../workers/worker-task.js";
import type { ReceivedFiles, ReceivedImport } from "./import-task.js";
import { type FileChunk, ReceivedFileWriter } from "./received-files.js";
import type { ImporterSettings } from "./with-importer.js";

const importReceived = workerTask<ReceivedFiles, ReceivedImport>(
  import.meta.url,
  "./import-task.js",
  "importReceived",
);

export interface ReceivedImportsContext {
  /** Of the database; each import has connections of its own. */
  readonly url: string;
  readonly transfers: Transfers;
  readonly settings: ImporterSettings;
}

interface Received {
  options(): Promise<{ readonly dryRun: boolean; readonly acceptDifferences: boolean }>;
  chunk(): Promise<FileChunk | undefined>;
}

/**
 * Imports files that callers send, for the tenant and in the name of whoever sends them. They are received onto disk
 * first; a process of its own then imports them. A call that ends before ends its import, which goes on when the same
 * files are sent again.
 */
export function receivedImports({ url, transfers, settings }: ReceivedImportsContext) {
  return async (
    { tenantId, actor }: Principal,
    received: Received,
    signal: AbortSignal,
  ): Promise<ReceivedImport> => {
    const transfer = await transfers.begin("import", tenantId, signal);
    try {
      const { dryRun, acceptDifferences } = await transfer.receive(received.options(), () => 0);
      const root = join(transfer.folder, "files");
      await mkdir(root, { mode: 0o700 });
      await receive(root, received, transfer);
      const answer = await transfer.run(importReceived, {
        url,
        settings: onlyImporterSettings(settings),
        tenantId,
        actor,
        root,
        backups: transfers.kept,
        scratch: join(transfer.folder, "scratch"),
        dryRun,
        acceptDifferences,
      });
      transfer.done();
      return answer;
    } catch (error) {
      throw fromDisk(error);
    } finally {
      await transfer.end();
    }
  };
}

async function receive(root: string, received: Received, transfer: Transfer): Promise<void> {
  const files = new ReceivedFileWriter(root, (bytes) => transfer.hold(bytes));
  try {
    for (;;) {
      const chunk = await transfer.receive(received.chunk(), (each) => each?.data.byteLength ?? 0);
      if (!chunk) return;
      await files.write(chunk);
    }
  } finally {
    await files.close();
  }
}

/** Those alone of what may be the settings of a whole server. */
function onlyImporterSettings(settings: ImporterSettings): ImporterSettings {
  const { connectTimeoutMs, statementTimeoutMs, preparedStatements, hintIntervalMs } = settings;
  const { maxFlushEntries, maxFlushBytes, maxWaitingEntries, maxWaitingBytes } = settings;
  const { maxEntriesPerBatch, maxBytesPerEntry, workingMemoryCapacity, schemaTimeLimitMs } = settings;
  const { workerProcesses, workerTasksPerTenant, maxWaitingWorkerTasks, workerMemoryMiB, workerIdleMs } =
    settings;
  return {
    connectTimeoutMs,
    statementTimeoutMs,
    preparedStatements,
    hintIntervalMs,
    maxFlushEntries,
    maxFlushBytes,
    maxWaitingEntries,
    maxWaitingBytes,
    maxEntriesPerBatch,
    maxBytesPerEntry,
    workingMemoryCapacity,
    schemaTimeLimitMs,
    workerProcesses,
    workerTasksPerTenant,
    maxWaitingWorkerTasks,
    workerMemoryMiB,
    workerIdleMs,
  };
}
