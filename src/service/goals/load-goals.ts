import { GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
import { mapInTurns } from "../../core/in-turns.js";
import { isUuid } from "../../core/uuid.js";
import type { Row } from "../../entities/columns.js";
import type { EntityCodec } from "../../entities/entity-codec.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { Run, Statement } from "../../store/database.js";
import { fittingRecords } from "../../store/fitting-records.js";
import {
  blockedDependents,
  dependencyNodes,
  type GoalNodeAnswer,
  goalNodes,
  goalsUpwards,
  type PartSumAnswer,
  partSums,
  readClock,
  subtreeNodes,
} from "../../store/goal-reads.js";
import { type FlushFacts, factKey } from "../flush-facts.js";
import type { PreparedEntry } from "../prepared-entry.js";
import { blockedBy, type GoalNode, type GraphLimit, type LoadedGoals, type PartSum } from "./goal-graph.js";

/** Goals that one flush reads to find a cycle: past it a graph can no longer be checked quickly. */
const MAX_GRAPH_GOALS = 50_000;
/** Dependencies of those: one entry may walk them all, and its walk holds the event loop. */
const MAX_GRAPH_DEPENDENCIES = 100_000;
const GRAPH_LIMITS = { goals: MAX_GRAPH_GOALS, dependencies: MAX_GRAPH_DEPENDENCIES };

/**
 * Reads what the entries of a flush may bear on: what they name, what they are part of, what waits for them.
 *
 * @returns whether the rows read by each statement are within `maxBytes`
 */
export async function loadGoals(
  run: Run,
  codec: EntityCodec,
  tenantId: string,
  entries: readonly PreparedEntry[],
  facts: FlushFacts,
  maxBytes: number,
): Promise<boolean> {
  const rows = rowsOf(codec, facts);
  const asked = readAsked(entries, rows);
  const nodes = new Map<string, GoalNode>();
  const touched: FieldBag[] = [];
  let fits = true;
  let exceeded: GraphLimit | undefined;
  const addRows = async (statement: Statement) => {
    const { records, hasMore } = await fittingRecords(codec, await run<Row>(statement));
    if (hasMore) fits = false;
    else for (const record of records) touched.push(record);
  };
  const addNodes = async (statement: Statement) => {
    const read = await mapInTurns(await run<GoalNodeAnswer>(statement), nodeFromAnswer);
    for (const node of read) nodes.set(node.id, node);
    return read;
  };
  const addGraph = async (statement: Statement) => {
    const read = await addNodes(statement);
    const dependencies = read.reduce((sum, { dependsOn }) => sum + dependsOn.length, 0);
    if (read.length > MAX_GRAPH_GOALS) {
      exceeded = { unit: "goals to check for a cycle", limit: MAX_GRAPH_GOALS };
    } else if (dependencies > MAX_GRAPH_DEPENDENCIES) {
      exceeded = { unit: "dependencies to check for a cycle", limit: MAX_GRAPH_DEPENDENCIES };
    }
  };
  const some = (ids: Iterable<string>, read: (ids: readonly string[]) => Promise<unknown>) => {
    const all = [...ids];
    return all.length > 0 ? read(all) : undefined;
  };

  const [[clock]] = await Promise.all([
    run<[bigint]>(readClock()),
    some(asked.upwards, (ids) => addRows(goalsUpwards(codec, tenantId, ids, maxBytes))),
    some(asked.completed, (ids) => addRows(blockedDependents(codec, tenantId, ids, maxBytes))),
    some(asked.moved, (ids) => addGraph(subtreeNodes(tenantId, ids, GRAPH_LIMITS))),
    some(asked.needsReach ? asked.dependencies : [], (ids) =>
      addGraph(dependencyNodes(tenantId, ids, GRAPH_LIMITS)),
    ),
  ]);
  if (!fits) return false;
  for (const record of touched) {
    rows.set(record.id as string, record);
    facts.current.set(factKey(codec, record.id as string), record);
  }

  const named = new Set(asked.dependencies);
  for (const row of rows.values()) for (const id of row.dependsOn as string[]) named.add(id);
  const missing = [...named].filter((id) => !nodes.has(id) && !rows.has(id));
  const parts = new Map<string, PartSum>();
  await Promise.all([
    some(missing, (ids) => addNodes(goalNodes(tenantId, ids))),
    some(asked.upwards, async () => {
      const all = [...rows.keys()];
      for (const [id, count, progress] of await run<PartSumAnswer>(partSums(tenantId, all, all))) {
        parts.set(id, { count, progress });
      }
    }),
  ]);
  facts.loaded.set(codec.entity.table, {
    nowMicros: clock?.[0] ?? 0n,
    nodes,
    blockedBy: blockedBy(asked.completed),
    partIds: partIdsOf(nodes.values()),
    parts,
    exceeded,
  } satisfies LoadedGoals);
  return true;
}

function partIdsOf(nodes: Iterable<GoalNode>): LoadedGoals["partIds"] {
  const partIds = new Map<string, string[]>();
  for (const { id, parentId } of nodes) {
    if (parentId === "") continue;
    const ids = partIds.get(parentId);
    if (ids) ids.push(id);
    else partIds.set(parentId, [id]);
  }
  return partIds;
}

interface Asked {
  /** Goals whose progress may change, with all above them. */
  readonly upwards: ReadonlySet<string>;
  readonly completed: ReadonlySet<string>;
  readonly moved: ReadonlySet<string>;
  readonly dependencies: ReadonlySet<string>;
  /** Whether a goal that others may depend on gets new dependencies, which may close a cycle. */
  readonly needsReach: boolean;
}

/** Fields that bear on the goal above. */
const BEARING = ["progress", "progressIsSet", "status", "parentGoalId", "deleteTime"];

function readAsked(entries: readonly PreparedEntry[], rows: ReadonlyMap<string, FieldBag>): Asked {
  const upwards = new Set<string>();
  const completed = new Set<string>();
  const moved = new Set<string>();
  const dependencies = new Set<string>();
  let needsReach = false;
  for (const entry of entries) {
    if (entry.verb === "append") continue;
    const fields = entry.verb === "patch" ? entry.fields : entry.message;
    // A computed change is one of a lease, which bears on no other goal.
    if (typeof fields === "function") continue;
    const parentId = validId(fields.parentGoalId);
    const dependsOn = ((fields.dependsOn as string[] | undefined) ?? []).map(validId);
    for (const id of dependsOn) if (id) dependencies.add(id);
    if (parentId) upwards.add(parentId);
    if (entry.verb !== "patch") continue;
    if (BEARING.some((name) => name in fields)) {
      upwards.add(entry.id);
      const above = rows.get(entry.id)?.parentGoalId as string | undefined;
      if (above) upwards.add(above);
    }
    if (fields.status === GoalStatus.COMPLETED) completed.add(entry.id);
    if (parentId) moved.add(entry.id);
    if (dependsOn.length > 0) needsReach = true;
  }
  return { upwards, completed, moved, dependencies, needsReach };
}

/** The id in canonical form; undefined for what is none, which is refused later. */
function validId(id: unknown): string | undefined {
  return typeof id === "string" && isUuid(id) ? id.toLowerCase() : undefined;
}

function rowsOf(codec: EntityCodec, facts: FlushFacts): Map<string, FieldBag> {
  const prefix = factKey(codec, "");
  const rows = new Map<string, FieldBag>();
  for (const [key, record] of facts.current) {
    if (key.startsWith(prefix)) rows.set(record.id as string, record);
  }
  return rows;
}

function nodeFromAnswer([id, status, isDeleted, dependsOn, parentId]: GoalNodeAnswer): GoalNode {
  return {
    id,
    status: GoalStatus[status as keyof typeof GoalStatus],
    isDeleted,
    dependsOn: JSON.parse(dependsOn) as string[],
    parentId: parentId ?? "",
  };
}
