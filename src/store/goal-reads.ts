import type { EntityCodec } from "../entities/entity-codec.js";
import { commitColumns } from "../entities/stored-record.js";
import { binaryArray } from "./binary-array.js";
import { byKey } from "./by-key.js";
import { byteSize } from "./byte-size.js";
import type { Statement } from "./database.js";
import { fittingRows } from "./fitting-rows.js";

/** What the graph of goals needs of one: `dependsOn` is JSON, `parentId` null for none. */
export type GoalNodeAnswer = [
  id: string,
  status: string,
  isDeleted: boolean,
  dependsOn: string,
  parentId: string | null,
];

const NODE_COLUMNS = "g.id, g.status, g.delete_time IS NOT NULL, g.depends_on, g.parent_goal_id";

/** The database's clock, in microseconds since 1970, by which all servers judge leases. */
export function readClock(): Statement {
  return { name: "clock", text: "SELECT clock_timestamp()" };
}

/** These goals, without what they depend on. */
export function goalNodes(tenantId: string, ids: readonly string[]): Statement {
  return {
    name: "goal nodes",
    text: `SELECT g.id, g.status, g.delete_time IS NOT NULL, '[]', g.parent_goal_id FROM unnest($2::uuid[]) AS asked (id) CROSS JOIN ${byKey("goals", "g", "asked.id")}`,
    values: [tenantId, binaryArray("uuid", ids)],
  };
}

/** How much of a graph is read. One more goal, or the goal with the dependency that is too many, tells of more. */
export interface GraphLimits {
  readonly goals: number;
  readonly dependencies: number;
}

/** The goals of a query that gives their ids, up to the limits in $3 and $4. */
function nodesWithin(ids: string): string {
  return `
SELECT id, status, is_deleted, depends_on, parent_goal_id FROM (
  SELECT n.*, sum(size) OVER (ROWS UNBOUNDED PRECEDING) - size AS before
  FROM (
    SELECT ${NODE_COLUMNS}, jsonb_array_length(g.depends_on)
    FROM (SELECT id FROM ${ids} LIMIT $3) AS r CROSS JOIN ${byKey("goals", "g", "r.id")}
  ) AS n (id, status, is_deleted, depends_on, parent_goal_id, size)
) AS counted WHERE before <= $4`;
}

/** These goals, what they depend on, what that depends on, and so on. */
export function dependencyNodes(tenantId: string, ids: readonly string[], limits: GraphLimits): Statement {
  return {
    name: "goal dependencies",
    text: `
WITH RECURSIVE reach (id) AS (
  SELECT unnest($2::uuid[])
  UNION
  SELECT d.id::uuid FROM reach
  CROSS JOIN ${byKey("goals", "g", "reach.id")}
  CROSS JOIN jsonb_array_elements_text(g.depends_on) AS d (id)
)
${nodesWithin("reach")}`,
    values: [tenantId, binaryArray("uuid", ids), limits.goals + 1, limits.dependencies],
  };
}

/** These goals and all that are parts of them, at any depth. */
export function subtreeNodes(tenantId: string, ids: readonly string[], limits: GraphLimits): Statement {
  return {
    name: "goal subtrees",
    text: `
WITH RECURSIVE part (id) AS (
  SELECT unnest($2::uuid[])
  UNION
  SELECT g.id FROM part CROSS JOIN LATERAL (
    SELECT id FROM holdfast.goals WHERE tenant_id = $1::uuid AND parent_goal_id = part.id OFFSET 0
  ) AS g
)
${nodesWithin("part")}`,
    values: [tenantId, binaryArray("uuid", ids), limits.goals + 1, limits.dependencies],
  };
}

/** Rows of these goals and of all they are parts of, as `fittingRows`. */
export function goalsUpwards(
  codec: EntityCodec,
  tenantId: string,
  ids: readonly string[],
  maxBytes: number,
): Statement {
  const rows = `
WITH RECURSIVE up (id) AS (
  SELECT unnest($2::uuid[])
  UNION
  SELECT g.parent_goal_id FROM up CROSS JOIN ${byKey("goals", "g", "up.id")}
  WHERE g.parent_goal_id IS NOT NULL
)
${sizedGoals(codec)} FROM up CROSS JOIN ${byKey("goals", "g", "up.id")}`;
  return {
    name: "goals upwards",
    text: fittingRows({ rows, columns: columnsOf(codec), room: "$3" }),
    values: [tenantId, binaryArray("uuid", ids), maxBytes],
  };
}

/** Rows of the goals that are BLOCKED and wait for one of these, as `fittingRows`. */
export function blockedDependents(
  codec: EntityCodec,
  tenantId: string,
  ids: readonly string[],
  maxBytes: number,
): Statement {
  const rows = `
${sizedGoals(codec)} FROM holdfast.blocked_dependents($1::uuid, $2::uuid[]) AS d (id)
CROSS JOIN ${byKey("goals", "g", "d.id")}`;
  return {
    name: "blocked dependents",
    text: fittingRows({ rows, columns: columnsOf(codec), room: "$3" }),
    values: [tenantId, binaryArray("uuid", ids), maxBytes],
  };
}

export type PartSumAnswer = [parentId: string, count: number, progress: number];

/** How many parts of each of these goals count, and the sum of their progress, leaving some goals out. */
export function partSums(
  tenantId: string,
  parentIds: readonly string[],
  exceptIds: readonly string[],
): Statement {
  return {
    name: "goal parts",
    text: `
SELECT g.parent_goal_id, count(*)::integer, sum(CASE WHEN g.status = 'COMPLETED' THEN 1 ELSE g.progress END)
FROM holdfast.goals g
WHERE g.tenant_id = $1::uuid AND g.parent_goal_id = ANY ($2::uuid[])
  AND g.delete_time IS NULL AND g.status <> 'CANCELLED'
  AND NOT EXISTS (SELECT FROM unnest($3::uuid[]) AS e (id) WHERE e.id = g.id)
GROUP BY g.parent_goal_id`,
    values: [tenantId, binaryArray("uuid", parentIds), binaryArray("uuid", exceptIds)],
  };
}

/** Which goals may be handed out; what is empty does not matter. */
export interface ReadyFilter {
  readonly sessionId: string;
  readonly agentIds: readonly string[];
  readonly parentIds: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Whether a ready goal waits to begin, or was begun by one whose lease has expired. */
export type ReadyKind = "pending" | "expired";

// Each says what a partial index has; then the index is the order.
const READY: Record<ReadyKind, string> = {
  pending: "g.status = 'PENDING'",
  expired:
    "g.status = 'IN_PROGRESS' AND g.lease_expire_time IS NOT NULL AND g.lease_expire_time <= clock_timestamp()",
};

/** Rows of the first goals to hand out, as `fittingRows`: the highest priority, of these the oldest. */
export function readyGoals(
  codec: EntityCodec,
  tenantId: string,
  kind: ReadyKind,
  { sessionId, agentIds, parentIds, labels }: ReadyFilter,
  { limit, maxBytes }: { readonly limit: number; readonly maxBytes: number },
): Statement {
  const values: unknown[] = [tenantId, limit, maxBytes];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const conditions = ["g.tenant_id = $1::uuid", READY[kind], "g.delete_time IS NULL"];
  if (sessionId !== "") conditions.push(`g.session_id = ${bind(sessionId)}::uuid`);
  if (agentIds.length > 0)
    conditions.push(`g.agent_id = ANY (${bind(binaryArray("text", agentIds))}::text[])`);
  if (parentIds.length > 0)
    conditions.push(`g.parent_goal_id = ANY (${bind(binaryArray("uuid", parentIds))}::uuid[])`);
  if (Object.keys(labels).length > 0) conditions.push(`g.labels @> ${bind(JSON.stringify(labels))}::jsonb`);
  const rows = `
${sizedGoals(codec)} FROM holdfast.goals g
WHERE ${conditions.join(" AND ")}
ORDER BY g.priority DESC, g.create_time, g.id LIMIT $2`;
  return { text: fittingRows({ rows, columns: columnsOf(codec), room: "$3" }), values };
}

function columnsOf(codec: EntityCodec): readonly string[] {
  return [...codec.columns.map(({ name }) => name), ...commitColumns(codec)];
}

/** The beginning of a SELECT of goals `g`, each with its size. */
function sizedGoals(codec: EntityCodec): string {
  const columns = columnsOf(codec).map((name) => `g.${name}`);
  return `SELECT ${columns.join(", ")}, ${byteSize(codec.columns)} AS size`;
}
