import { EventService } from "../../../../gen/holdfast/v1/event_pb.js";
import type { AppendResult } from "../../../../gen/holdfast/v1/log_pb.js";
import { errorFromStatus } from "../call/error-from-status.js";
import { isVerdict } from "../call/is-verdict.js";
import type { Transport } from "../call/transport.js";
import { HoldfastError } from "../holdfast-error.js";
import { decodeWrite } from "./journal-line.js";
import type { JournalWrite } from "./journal-write.js";
import { methodName } from "./journaled-methods.js";
import type { StoredWrite } from "./parse-lines.js";

// What a batch of the service may hold, with room for what frames it.
const MAX_BATCH_ENTRIES = 500;
const MAX_BATCH_BYTES = 3 * 1024 * 1024;
// Newer writes may be waiting: a service that is away again has to be noticed.
const DEADLINE_MS = 5_000;
const APPEND = methodName(EventService.method.append);

/** A refusal of one write, or of a part of it. */
export interface Refusal {
  readonly stored: StoredWrite;
  readonly ids: readonly string[];
  readonly error: HoldfastError;
}

/** What one call of a replay did. */
export interface Replayed {
  /** Of the waiting writes, the first so many are settled. */
  readonly count: number;
  readonly refused: readonly Refusal[];
}

/**
 * Makes the first of the waiting writes, or the first several where they are entries of the log, with one call.
 * It takes at most `most` of them. Throws what does not settle them.
 */
export async function replayBatch(
  transport: Transport,
  waiting: readonly StoredWrite[],
  most: number,
  signal: AbortSignal,
): Promise<Replayed> {
  const batch = together(waiting.slice(0, most));
  let writes: JournalWrite[];
  try {
    writes = batch.map(({ json }) => decodeWrite(json));
  } catch (thrown) {
    if (batch.length > 1) return replayBatch(transport, waiting, 1, signal);
    return refusedWhole(batch, HoldfastError.from(thrown));
  }
  const [{ method, metadata }] = writes as [JournalWrite];
  // Encoded messages of one type, put together, add up: one request of the entries of all.
  const request = Buffer.concat(writes.map((write) => write.request));
  try {
    const answer = await transport.unaryBytes(method, request, {
      metadata,
      signal,
      deadlineMs: DEADLINE_MS,
    });
    const { result } = answer as { readonly result?: AppendResult };
    const items = batch.flatMap((stored) => stored.json.ids.map((id) => ({ stored, ids: [id] })));
    const rejected = (result?.rejections ?? []).map(({ index, status }): Refusal => {
      const item = items[index];
      if (!item || !status) throw new HoldfastError("an unreadable rejection", { code: "INTERNAL" });
      return { ...item, error: errorFromStatus(status) };
    });
    // Writes that were accepted one by one may be too large for one call.
    if (batch.length > 1 && rejected.some(({ error }) => error.reason === "LIMIT_EXCEEDED")) {
      return replayBatch(transport, waiting, Math.ceil(batch.length / 2), signal);
    }
    // The first write whose outcome is not known, and those after it, are replayed again.
    const unknown = rejected.find(({ error }) => !isRefusal(error));
    const count = unknown ? batch.indexOf(unknown.stored) : batch.length;
    if (unknown && count === 0) throw unknown.error;
    return { count, refused: rejected.filter(({ stored }) => batch.indexOf(stored) < count) };
  } catch (thrown) {
    const error = HoldfastError.from(thrown);
    if (!isRefusal(error)) throw error;
    // It may be about one of them.
    if (batch.length > 1) return replayBatch(transport, waiting, 1, signal);
    return refusedWhole(batch, error);
  }
}

function refusedWhole(batch: readonly StoredWrite[], error: HoldfastError): Replayed {
  return { count: batch.length, refused: batch.map((stored) => ({ stored, ids: stored.json.ids, error })) };
}

/** Whether it will be refused each time; all else may pass. */
function isRefusal(error: HoldfastError): boolean {
  return isVerdict(error) && !MAY_PASS.has(error.code);
}

// Of these, too, `WriteJournal` decides by how often they come: a token may be renewed, a server brought up to date.
const MAY_PASS: ReadonlySet<string> = new Set(["UNAUTHENTICATED", "UNIMPLEMENTED"]);

function together(waiting: readonly StoredWrite[]): readonly StoredWrite[] {
  const [first] = waiting as [StoredWrite];
  if (first.json.method !== APPEND) return [first];
  const metadata = JSON.stringify(first.json.metadata);
  let bytes = 0;
  let entries = 0;
  const end = waiting.findIndex(({ json, byteLength }) => {
    bytes += byteLength;
    entries += json.ids.length;
    const fits = entries <= MAX_BATCH_ENTRIES && bytes <= MAX_BATCH_BYTES;
    return !fits || json.method !== APPEND || JSON.stringify(json.metadata) !== metadata;
  });
  return waiting.slice(0, end === -1 ? waiting.length : Math.max(1, end));
}
