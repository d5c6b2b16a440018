import { createReadStream } from "node:fs";
import { join } from "node:path";
import { SecurityLevel } from "../../gen/holdfast/v1/security_audit_pb.js";
import { HoldfastError } from "../core/errors.js";
import { jsonPayload } from "../core/json-payload.js";
import type { Principal } from "../core/principal.js";
import type { Appender } from "../service/appender.js";
import type { EntryPreparer } from "../service/prepare-entry.js";
import type { Transfer } from "../transfers/transfer.js";
import type { Transfers } from "../transfers/transfers.js";
import { workerTask } from "../workers/worker-task.js";
import type { WantedExport, WrittenExport } from "./export-task.js";

/** Bytes of a file in one message: few messages, none near the limit of one. */
const PART_BYTES = 256 * 1024;

const writeExport = workerTask<WantedExport, WrittenExport>(
  import.meta.url,
  "./export-task.js",
  "writeExport",
);

export interface SentExportsContext {
  /** Of the database; each export has a connection of its own. */
  readonly url: string;
  readonly transfers: Transfers;
  readonly appender: Appender;
  readonly preparer: EntryPreparer;
  /** The version of this program. */
  readonly version: string;
}

interface Wanted {
  readonly sessionId: string | undefined;
  readonly agentId: string | undefined;
  readonly compress: boolean;
}

interface Caller {
  readonly signal: AbortSignal;
  abort(error: HoldfastError): void;
}

/**
 * Archives of logs for whoever may fetch them. Each is written to disk first, by a process of its own: a slow reader
 * then holds neither a snapshot of the database open nor a connection, and its files only for as long as it takes some.
 */
export function sentExports({ transfers, ...context }: SentExportsContext) {
  return async function* (principal: Principal, wanted: Wanted, caller: Caller) {
    const transfer = await transfers.begin("export", principal.tenantId, caller.signal);
    // While the caller has to take a part, nothing else ends the call.
    const onStop = () => caller.abort(HoldfastError.from(transfer.signal.reason));
    transfer.signal.addEventListener("abort", onStop, { once: true });
    try {
      const written = await write(context, transfer, principal, wanted);
      // Nothing leaves before it is noted that it does.
      await audit(context, principal, wanted, written);
      for (const name of written.names) {
        const file = join(transfer.folder, name);
        for await (const data of createReadStream(file, { highWaterMark: PART_BYTES })) {
          transfer.signal.throwIfAborted();
          transfer.pace.wait();
          yield { name, data: data as Buffer };
          transfer.pace.moved((data as Buffer).byteLength);
        }
      }
      transfer.done();
    } finally {
      transfer.signal.removeEventListener("abort", onStop);
      await transfer.end();
    }
  };
}

function write(
  { url, version }: Omit<SentExportsContext, "transfers">,
  transfer: Transfer,
  { tenantId, roles }: Principal,
  { sessionId, agentId, compress }: Wanted,
): Promise<WrittenExport> {
  const scope = { tenantId, sessionId, agentId };
  const mayHoldSecrets = roles.includes("secret_reader");
  return transfer.run(writeExport, {
    url,
    folder: transfer.folder,
    scope,
    version,
    compress,
    mayHoldSecrets,
  });
}

async function audit(
  { appender, preparer }: Omit<SentExportsContext, "transfers">,
  { tenantId, actor }: Principal,
  { sessionId, agentId }: Wanted,
  { position, lines }: WrittenExport,
): Promise<void> {
  const entry = preparer.audit({
    operation: "export",
    actor,
    target: sessionId ?? agentId ?? tenantId,
    valid: true,
    level: SecurityLevel.MEDIUM,
    message: `exported up to position ${position}`,
    metadata: jsonPayload({ position, lines }),
  });
  const [outcome] = await appender.append(tenantId, [entry]);
  if (outcome instanceof HoldfastError) throw outcome;
}
