import { ChangeType, type EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import { mapInTurns, type Turn } from "../core/in-turns.js";
import type { Codecs } from "../entities/codecs.js";
import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import { commitColumns, storedFromRow, storedFromState } from "../entities/stored-record.js";
import { binaryArray } from "./binary-array.js";
import { byteSize } from "./byte-size.js";
import type { CommittedChange } from "./committed-change.js";
import type { Run, Statement } from "./database.js";

/** Which changes a reader wants; empty means any. */
export interface ChangeFilter {
  readonly sessionIds: readonly string[];
  readonly agentIds: readonly string[];
  readonly kinds: readonly EntityKind[];
  /** Besides `sessionIds`, sessions of which only what was written up to a position is wanted. */
  readonly ancestors?: ReadonlyMap<string, bigint>;
}

/** Which changes make up the state of a session or agent at a position. */
export interface StandingChanges {
  /** Of each thing that has a state, only its last change up to here. */
  readonly position: bigint;
  /** Whether a thing deleted by then has one. */
  readonly includeDeleted: boolean;
}

export interface ChangeRange {
  readonly tenantId: string;
  readonly after: bigint;
  /** At most this position, which must be committed. */
  readonly upTo: bigint;
  readonly filter: ChangeFilter;
  /** Undefined for every change; needs a filter by session or agent. */
  readonly standing?: StandingChanges;
  /** Of each table; a page has at least one change if there is any. */
  readonly maxChanges: number;
  readonly maxBytes: number;
  /** When rows may be worked on; all at once without it. */
  readonly turn?: Turn | undefined;
}

export interface ChangePage {
  readonly changes: readonly CommittedChange[];
  /** Every change that matches, after `after` and up to here, is in the page. */
  readonly through: bigint;
}

/**
 * Reads the next page of a tenant's log, oldest first, within the caller's
 * snapshot. Appended rows come from their own tables and changes of state from
 * `revisions`; each is read in order of position by an index and the results
 * are merged. A page ends where the first of them was cut short.
 */
export async function readChanges(run: Run, codecs: Codecs, range: ChangeRange): Promise<ChangePage> {
  const { kinds } = range.filter;
  const wanted = codecs.all.filter(({ entity }) => kinds.length === 0 || kinds.includes(entity.kind));
  const states = wanted.filter(({ entity }) => entity.nature === "state");
  const parts = await Promise.all([
    ...wanted
      .filter(({ entity }) => entity.nature === "append")
      .map((codec) => readAppended(run, codec, range)),
    ...(states.length > 0 ? [readRevisions(run, codecs, states, range)] : []),
  ]);
  const through = parts.reduce((least, part) => (part.through < least ? part.through : least), range.upTo);
  const changes = parts
    .flatMap((part) => part.changes)
    .filter((change) => change.position <= through)
    .sort((a, b) => (a.position < b.position ? -1 : 1));
  return cut({ changes, through }, range.maxBytes);
}

/** The beginning of a page that stays within so many bytes: each table filled them on its own. */
function cut(page: ChangePage, maxBytes: number): ChangePage {
  let bytes = 0;
  const over = page.changes.findIndex((change, i) => {
    bytes += change.byteLength;
    return i > 0 && bytes > maxBytes;
  });
  if (over < 0) return page;
  const changes = page.changes.slice(0, over);
  return { changes, through: changes.at(-1)?.position ?? page.through };
}

/** The first changes of a page: each table gives up to a page of its own. */
export function firstChanges(page: ChangePage, count: number): ChangePage {
  const changes = page.changes.slice(0, count);
  const last = changes.at(-1);
  const isCut = last !== undefined && changes.length < page.changes.length;
  return { changes, through: isCut ? last.position : page.through };
}

async function readAppended(run: Run, codec: EntityCodec, range: ChangeRange): Promise<ChangePage> {
  const { table, kind } = codec.entity;
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  const rows = await run<Row>(pageStatement(table, columns, byteSize(codec.columns), range, undefined));
  const toChange = (row: Row): CommittedChange => {
    const stored = storedFromRow(codec, row);
    return {
      position: stored.position,
      commitMicros: stored.createMicros,
      change: ChangeType.CREATED,
      kind,
      sessionId: (row[codec.at.sessionId] as string | null) ?? "",
      agentId: (row[codec.at.agentId] as string | null) ?? "",
      byteLength: row.at(-1) as number,
      stored,
    };
  };
  const changes = await mapInTurns(rows, toChange, range.turn);
  return { changes, through: pageEnd(changes, range) };
}

const REVISION_COLUMNS = ["state", "change", "entity", "position", "create_time", "session_id", "agent_id"];

async function readRevisions(
  run: Run,
  codecs: Codecs,
  wanted: readonly EntityCodec[],
  range: ChangeRange,
): Promise<ChangePage> {
  const names = wanted.length < codecs.all.length ? wanted.map((codec) => codec.entity.name) : undefined;
  const statement = pageStatement("revisions", REVISION_COLUMNS, "octet_length(state::text)", range, names);
  const rows = await run<Row>(statement);
  const toChange = (row: Row): CommittedChange => {
    const [state, change, entity, position, commitMicros, sessionId, agentId, byteLength] = row;
    const codec = codecs.ofName(entity as string);
    if (!codec) throw new TypeError(`revisions hold an entity this version does not know: ${entity}`);
    return {
      position: position as bigint,
      commitMicros: commitMicros as bigint,
      change: ChangeType[change as "CREATED" | "UPDATED" | "DELETED"],
      kind: codec.entity.kind,
      sessionId: (sessionId as string | null) ?? "",
      agentId: (agentId as string | null) ?? "",
      byteLength: byteLength as number,
      stored: storedFromState(codec, state as string),
    };
  };
  const changes = await mapInTurns(rows, toChange, range.turn);
  return { changes, through: pageEnd(changes, range) };
}

/** How far a page reaches that neither rows nor bytes filled: to the end of what was asked for. */
function pageEnd(changes: readonly CommittedChange[], range: ChangeRange): bigint {
  const bytes = changes.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const isWhole = changes.length < range.maxChanges && bytes < range.maxBytes;
  return isWhole ? range.upTo : (changes.at(-1)?.position ?? range.upTo);
}

/**
 * Up to `maxChanges` rows in order of position, cut where their sizes add up
 * to `maxBytes`. For each session or agent asked for, its own rows in order:
 * a page of many never reads more than a page of each.
 */
function pageStatement(
  table: string,
  columns: readonly string[],
  size: string,
  range: ChangeRange,
  entities: readonly string[] | undefined,
): Statement {
  const { tenantId, after, upTo, filter, standing, maxChanges, maxBytes } = range;
  const values: unknown[] = [tenantId, after, upTo, maxChanges, maxBytes];
  const conditions = ["t.tenant_id = $1::uuid", "t.position > $2::bigint", "t.position <= $3::bigint"];
  const bind = (value: unknown) => `$${values.push(value)}`;
  if (entities) conditions.push(`t.entity = ANY (${bind(binaryArray("text", entities))}::text[])`);
  let from = `holdfast.${table} t`;
  const select = columns.map((column) => `t.${column}`).join(", ");
  const keys = pageKeys(range);
  if (keys?.column === "session_id" && filter.agentIds.length > 0) {
    conditions.push(`t.agent_id = ANY (${bind(binaryArray("text", filter.agentIds))}::text[])`);
  }
  if (keys) {
    const { column, type, ids, ends } = keys;
    conditions.push(`t.${column} = k.id`, "t.position <= k.up_to");
    if (standing && table === "revisions") conditions.push(...standingConditions(standing));
    from = `unnest(${bind(binaryArray(type, ids))}::${type}[], ${bind(binaryArray("bigint", ends))}::bigint[])
    AS k (id, up_to) CROSS JOIN LATERAL (
      SELECT * FROM holdfast.${table} t
      WHERE ${conditions.join(" AND ")}
      ORDER BY t.position LIMIT $4
    ) t`;
  }
  const where = keys ? "" : `WHERE ${conditions.join(" AND ")}`;
  const text = `
SELECT ${columns.join(", ")}, size FROM (
  SELECT ${columns.join(", ")}, size,
    sum(size) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) - size AS before
  FROM (SELECT ${select}, ${size} AS size FROM ${from} ${where} ORDER BY t.position LIMIT $4) AS page
) AS sized
WHERE before < $5 ORDER BY position`;
  const traits = [
    keys?.column,
    filter.agentIds.length > 0 && "a",
    entities && "e",
    standing && (standing.includeDeleted ? "standing or deleted" : "standing"),
  ];
  return { name: ["page", table, ...traits.filter(Boolean)].join(" "), text, values };
}

/** The sessions or agents to read, each with the last position of it that is wanted. */
function pageKeys({ filter, after, upTo, standing }: ChangeRange) {
  const { sessionIds, agentIds, ancestors = new Map<string, bigint>() } = filter;
  const end = standing?.position ?? upTo;
  if (sessionIds.length > 0) {
    const left = [...ancestors].filter(([, last]) => last > after);
    const ids = [...sessionIds, ...left.map(([id]) => id)];
    const ends = [...sessionIds.map(() => end), ...left.map(([, last]) => (last < end ? last : end))];
    return { column: "session_id", type: "uuid", ids, ends } as const;
  }
  if (agentIds.length > 0) {
    return { column: "agent_id", type: "text", ids: agentIds, ends: agentIds.map(() => end) } as const;
  }
  return undefined;
}

// The revisions of a thing are dense and in order of position: one is the last
// up to there if the next is not there yet. Not an anti-join: under row security
// the sum would keep that from using the index.
function standingConditions({ includeDeleted }: StandingChanges): readonly string[] {
  const isLast = `coalesce((
        SELECT n.position FROM holdfast.revisions n
        WHERE n.tenant_id = $1::uuid AND n.entity = t.entity AND n.entity_id = t.entity_id
          AND n.revision = t.revision + 1
      ) > k.up_to, true)`;
  return includeDeleted ? [isLast] : [isLast, "t.change <> 'DELETED'"];
}
