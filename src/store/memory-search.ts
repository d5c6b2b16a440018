import { binaryArray } from "./binary-array.js";
import type { Run } from "./database.js";
import type { ListCondition } from "./list-query.js";

/** A memory as one way of finding ranked it. */
export interface MemoryCandidate {
  readonly method: string;
  readonly id: string;
  readonly importance: number | null;
  readonly successScore: number | null;
  /** Microseconds since 1970. */
  readonly createMicros: bigint;
}

type Candidate = [
  method: string,
  id: string,
  importance: number | null,
  successScore: number | null,
  createMicros: bigint,
];

const COLUMNS = "method, id, importance, success_score, create_time";

/** Memories by the words of a text, the best first, at most `limit` by each method: FULL_TEXT, TRIGRAM. */
export async function searchByText(
  run: Run,
  text: string,
  limit: number,
  filter: readonly ListCondition[],
): Promise<readonly MemoryCandidate[]> {
  const rows = await run<Candidate>({
    name: "search memory texts",
    text: `SELECT ${COLUMNS} FROM holdfast.search_memory_texts($1, $2, ${FILTER_ARGUMENTS})`,
    values: [text, limit, ...filterValues(filter)],
  });
  return rows.map(candidate);
}

/** Memories whose embedding of the same model and length is nearest, the best first. */
export async function searchByVector(
  run: Run,
  vector: { readonly embedding: readonly number[]; readonly model: string },
  limit: number,
  filter: readonly ListCondition[],
): Promise<readonly MemoryCandidate[]> {
  const rows = await run<Candidate>({
    name: "search memory vectors",
    text: `SELECT ${COLUMNS} FROM holdfast.search_memory_vectors($11::text::real[], $1, $2, ${FILTER_ARGUMENTS})`,
    values: [vector.model, limit, ...filterValues(filter), `{${vector.embedding.join(",")}}`],
  });
  return rows.map(candidate);
}

/** Whether the database compares vectors itself. */
export async function hasPgvector(run: Run): Promise<boolean> {
  const rows = await run({ name: "pgvector", text: "SELECT 1 FROM pg_extension WHERE extname = 'vector'" });
  return rows.length > 0;
}

const micros = (parameter: string) =>
  `'epoch'::timestamptz + ${parameter}::bigint * interval '1 microsecond'`;
const FILTER_ARGUMENTS = `$3::text[], $4::uuid[], $5::uuid[], $6::text[], $7::jsonb, $8::jsonb, ${micros("$9")}, ${micros("$10")}`;

function filterValues(conditions: readonly ListCondition[]): readonly unknown[] {
  const any = (column: string) => {
    const found = conditions.find((condition) => condition.kind === "any" && condition.column === column);
    return found?.kind === "any" ? binaryArray(found.type, found.values) : null;
  };
  const contained = (column: string) => {
    const found = conditions.find(
      (condition) => condition.kind === "contains" && condition.column === column,
    );
    return found?.kind === "contains" ? found.json : null;
  };
  const time = (kind: "from" | "before") => {
    const found = conditions.find((condition) => condition.kind === kind);
    return found?.kind === "from" || found?.kind === "before" ? String(found.micros) : null;
  };
  return [
    any("type"),
    any("goal_id"),
    any("session_id"),
    any("agent_id"),
    contained("tags"),
    contained("labels"),
    time("from"),
    time("before"),
  ];
}

function candidate([method, id, importance, successScore, createMicros]: Candidate): MemoryCandidate {
  return { method, id, importance, successScore, createMicros };
}
