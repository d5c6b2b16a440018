import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { recordFromRow, recordFromState } from "../entities/stored-record.js";
import type { Run } from "../store/database.js";
import {
  appendedById,
  type ExistingAnswer,
  type ExternalIdAnswer,
  idsByExternalId,
  lockRows,
  type RequestAnswer,
  revisionsByRequest,
  rowsById,
} from "../store/flush-reads.js";
import type { PreparedEntry } from "./prepared-entry.js";

/** An entry stored earlier, found under the same id. */
export interface Earlier {
  readonly hash: Buffer;
  readonly position: bigint;
  readonly id: string;
  readonly record: FieldBag | undefined;
}

/** What a flush must know of the database before it can be planned; keys are made by `factKey`. */
export interface FlushFacts {
  /** Current rows, locked, of the things that entries change. */
  readonly current: Map<string, FieldBag>;
  /** Earlier entries by the ids of entries: request ids, or the ids of appended rows. */
  readonly earlier: Map<string, Earlier>;
  /** Ids by external id. */
  readonly externalIds: Map<string, string>;
  /** Sessions that are not ACTIVE, by id: their status, null if there is none. */
  readonly inactiveSessions: Map<string, string | null>;
}

export function emptyFacts(): FlushFacts {
  return { current: new Map(), earlier: new Map(), externalIds: new Map(), inactiveSessions: new Map() };
}

export function factKey(codec: EntityCodec, id: string): string {
  return `${codec.entity.table} ${id}`;
}

/**
 * Locks and reads the rows that entries change, and what earlier requests with
 * their ids left. Everything is asked for before the first answer is awaited.
 */
export async function loadState(
  run: Run,
  tenantId: string,
  entries: readonly PreparedEntry[],
  facts: FlushFacts,
): Promise<void> {
  const waits: Promise<void>[] = [];
  for (const [codec, group] of byCodec(entries.filter((entry) => entry.verb !== "append"))) {
    const ids = unique(group.map((entry) => entry.id));
    waits.push(
      run(lockRows(codec, tenantId, ids)).then(() => {}),
      run<Row>(rowsById(codec, tenantId, ids)).then((rows) => {
        for (const row of rows) {
          const record = recordFromRow(codec, row);
          facts.current.set(factKey(codec, record.id as string), record);
        }
      }),
      run<RequestAnswer>(revisionsByRequest(codec, tenantId, unique(group.map(entryKey)))).then((rows) => {
        for (const [requestId, hash, position, id, state] of rows) {
          const record = recordFromState(codec, state);
          facts.earlier.set(factKey(codec, requestId), { hash, position, id, record });
        }
      }),
    );
  }
  await Promise.all(waits);
}

/** Reads which appended rows and external ids are already there; asked only after a unique index refused. */
export async function loadExisting(
  run: Run,
  tenantId: string,
  entries: readonly PreparedEntry[],
  facts: FlushFacts,
): Promise<void> {
  const waits: Promise<void>[] = [];
  for (const [codec, group] of byCodec(entries)) {
    const appended = group.filter((entry) => entry.verb === "append").map((entry) => entry.id);
    if (appended.length > 0) {
      waits.push(
        run<ExistingAnswer>(appendedById(codec, tenantId, appended)).then((rows) => {
          for (const [id, position, hash] of rows) {
            facts.earlier.set(factKey(codec, id), { hash, position, id, record: undefined });
          }
        }),
      );
    }
    const externalIds = unique(group.map(externalIdOf).filter((id) => id !== ""));
    if (externalIds.length > 0) {
      waits.push(
        run<ExternalIdAnswer>(idsByExternalId(codec, tenantId, externalIds)).then((rows) => {
          for (const [externalId, id] of rows) facts.externalIds.set(factKey(codec, externalId), id);
        }),
      );
    }
  }
  await Promise.all(waits);
}

/** The id that makes a retry of the entry recognisable. */
export function entryKey(entry: PreparedEntry): string {
  return entry.verb === "patch" ? entry.requestId : entry.id;
}

/** The external id an entry gives, empty if none. */
export function externalIdOf(entry: PreparedEntry): string {
  const fields = entry.verb === "patch" ? entry.fields : entry.message;
  return (fields.externalId as string | undefined) ?? "";
}

function byCodec<E extends PreparedEntry>(entries: readonly E[]): Iterable<[EntityCodec, E[]]> {
  const groups = new Map<EntityCodec, E[]>();
  for (const entry of entries) {
    const group = groups.get(entry.codec);
    if (group) group.push(entry);
    else groups.set(entry.codec, [entry]);
  }
  // In the order of the tables' names, so that locks are always taken in one order.
  return [...groups].sort(([a], [b]) => a.entity.table.localeCompare(b.entity.table));
}

function unique(ids: readonly string[]): readonly string[] {
  return [...new Set(ids)];
}
