import type { EntityDeclaration } from "../entities/declaration.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { localName } from "../entities/local-name.js";
import type { Run } from "../store/database.js";
import {
  appendedById,
  type ExistingAnswer,
  type ExternalIdAnswer,
  idsByExternalId,
  idsByUniqueKey,
} from "../store/flush-reads.js";
import type { ReadOfLog } from "./durable-log.js";
import type { PatchFields, PreparedEntry } from "./prepared-entry.js";

/** An entry stored earlier, found under the same id. */
export interface Earlier {
  readonly hash: Buffer;
  readonly position: bigint;
  readonly id: string;
  readonly record: FieldBag | undefined;
  /** Of the primary it was read from; empty when no COMMIT there waits for a standby. */
  readonly syncTimeline: string;
}

/** What a flush must know of the database before it can be planned; keys are made by `factKey`. */
export interface FlushFacts {
  /** Current rows, locked, of the things that entries change. */
  readonly current: Map<string, FieldBag>;
  /** Earlier entries by the ids of entries: request ids, or the ids of appended rows. */
  readonly earlier: Map<string, Earlier>;
  /** Ids by the names things have: external ids and unique keys. */
  readonly names: Map<string, string>;
  /** Sessions that are not ACTIVE, by id: their status, null if there is none. */
  readonly inactiveSessions: Map<string, string | null>;
  /** What the rules of an entity read besides whole rows, by table. */
  readonly loaded: Map<string, unknown>;
}

export function emptyFacts(): FlushFacts {
  return {
    current: new Map(),
    earlier: new Map(),
    names: new Map(),
    inactiveSessions: new Map(),
    loaded: new Map(),
  };
}

/** How far the log reaches that earlier entries are of; undefined if there are none, or no COMMIT waits for a standby. */
export function earlierOf({ earlier }: FlushFacts): ReadOfLog | undefined {
  let last: Earlier | undefined;
  for (const each of earlier.values()) if (!last || each.position > last.position) last = each;
  return last?.syncTimeline ? last : undefined;
}

export function factKey(codec: EntityCodec, id: string): string {
  return `${codec.entity.table} ${id}`;
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
          for (const [id, position, hash, syncTimeline] of rows) {
            const record = undefined;
            facts.earlier.set(factKey(codec, id), { hash, position, id, record, syncTimeline });
          }
        }),
      );
    }
    const externalIds = unique(group.map(externalIdOf).filter((id) => id !== ""));
    if (externalIds.length > 0) {
      waits.push(
        run<ExternalIdAnswer>(idsByExternalId(codec, tenantId, externalIds)).then((rows) => {
          for (const [externalId, id] of rows)
            facts.names.set(factKey(codec, externalIdName(externalId)), id);
        }),
      );
    }
    const keys = uniqueKeysOf(codec, group);
    if (keys.length > 0) {
      waits.push(
        run<string[]>(idsByUniqueKey(codec, tenantId, keys)).then((rows) => {
          for (const [id = "", ...values] of rows) facts.names.set(factKey(codec, keyName(values)), id);
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

const NO_NAMES: readonly string[] = [];

/** The names an entry claims, which no other thing of its kind may have. */
export function namesOf(entry: PreparedEntry): readonly string[] {
  const externalId = externalIdOf(entry);
  // Nearly every entry streamed in has no name.
  if (externalId === "" && !entry.codec.entity.uniqueKey) return NO_NAMES;
  const names = externalId === "" ? [] : [externalIdName(externalId)];
  return [...names, ...uniqueKeysOf(entry.codec, [entry]).map(keyName)];
}

function externalIdOf(entry: PreparedEntry): string {
  if (entry.verb === "append") return entry.externalId;
  const fields: PatchFields = entry.verb === "patch" ? entry.fields : entry.message;
  // A computed change never renames.
  return typeof fields === "function" ? "" : ((fields.externalId as string | undefined) ?? "");
}

/** The values of the unique keys of what a group creates. */
function uniqueKeysOf(codec: EntityCodec, group: readonly PreparedEntry[]): readonly (readonly string[])[] {
  const { uniqueKey } = codec.entity;
  if (!uniqueKey) return [];
  return group.flatMap((entry) =>
    entry.verb === "create" ? [uniqueKey.map((name) => keyText(codec.entity, name, entry.message))] : [],
  );
}

/** A value of a unique key as its column holds it. */
function keyText(entity: EntityDeclaration, name: string, message: FieldBag): string {
  const value = message[localName(entity, name)];
  const desc = entity.message.fields.find((field) => field.name === name)?.enum;
  if (!desc) return String(value);
  return desc.value[value as number]?.name.slice(desc.sharedPrefix?.length ?? 0) ?? "";
}

function externalIdName(externalId: string): string {
  return `external_id ${externalId}`;
}

function keyName(values: readonly string[]): string {
  return `key ${JSON.stringify(values)}`;
}

/** The entries of each entity, in their order. */
export function byCodec<E extends PreparedEntry>(entries: readonly E[]): Iterable<[EntityCodec, E[]]> {
  const groups = new Map<EntityCodec, E[]>();
  for (const entry of entries) {
    const group = groups.get(entry.codec);
    if (group) group.push(entry);
    else groups.set(entry.codec, [entry]);
  }
  // In the order of the tables' names, so that locks are always taken in one order.
  return [...groups].sort(([a], [b]) => a.entity.table.localeCompare(b.entity.table));
}

export function unique(ids: readonly string[]): readonly string[] {
  return [...new Set(ids)];
}
