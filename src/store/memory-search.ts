import { binaryArray } from "./binary-array.js";
import type { NearVectors, VectorPage } from "./compare-vectors-task.js";
import type { Run } from "./database.js";
import type { ListCondition } from "./list-query.js";
import { createNearestVectors } from "./nearest-vectors.js";

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

type VectorRow = [
  id: string,
  digits: string,
  importance: number | null,
  successScore: number | null,
  createMicros: bigint,
];

/** Numbers read at once, eight digits each: a megabyte, which takes about a millisecond to receive and hand on. */
const PAGE_NUMBERS = 125_000;
/** Vectors of those, however short. */
const PAGE_VECTORS = 1000;

const COLUMNS = "method, id, importance, success_score, create_time";

/** Memories by the words of a text, the best first, at most `limit` by each method: FULL_TEXT, TRIGRAM. */
export async function searchByText(
  run: Run,
  text: string,
  limit: number,
  filter: readonly ListCondition[],
): Promise<readonly MemoryCandidate[]> {
  const filters = filterValues(filter);
  const rows = await run<Candidate>(
    filters.every((value) => value === null)
      ? {
          name: "search all memory texts",
          text: `SELECT ${COLUMNS} FROM holdfast.search_all_memory_texts($1, $2)`,
          values: [text, limit],
        }
      : {
          name: "search memory texts",
          text: `SELECT ${COLUMNS} FROM holdfast.search_memory_texts($1, $2, ${FILTER_ARGUMENTS})`,
          values: [text, limit, ...filters],
        },
  );
  return rows.map(candidate);
}

/** What is looked for by its direction. */
export interface VectorQuery {
  readonly embedding: readonly number[];
  readonly model: string;
}

/** Whether the database compares vectors itself. */
export async function hasPgvector(run: Run): Promise<boolean> {
  const installed = await run({
    name: "pgvector",
    text: "SELECT 1 FROM pg_extension WHERE extname = 'vector'",
  });
  return installed.length > 0;
}

/**
 * Memories whose embedding of the same model and length is nearest, the best first; pgvector compares every one, and
 * must be there.
 */
export async function searchByPgvector(
  run: Run,
  vector: VectorQuery,
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

/** Compares a page of vectors, elsewhere than in the thread that reads them. */
export type CompareVectors = (page: VectorPage) => Promise<NearVectors>;

/**
 * The same without pgvector: every embedding that the filter allows is read, a page at a time, and handed on to be
 * compared as it came. No more than a page is held, and between two of them other work has its turn.
 */
export async function scanVectors(
  run: Run,
  { embedding, model }: VectorQuery,
  limit: number,
  filter: readonly ListCondition[],
  compare: CompareVectors,
): Promise<readonly MemoryCandidate[]> {
  const wanted = Float32Array.from(embedding);
  const nearest = createNearestVectors(limit, newestFirst);
  const filters = filterValues(filter);
  const pageSize = Math.min(PAGE_VECTORS, Math.max(1, Math.floor(PAGE_NUMBERS / embedding.length)));
  for (let after: string | null = null; ; ) {
    const page: VectorRow[] = await run<VectorRow>({
      name: "memory vectors",
      text: `
SELECT id, encode(vector, 'hex'), importance, success_score, create_time
FROM holdfast.read_memory_vectors($11::integer, $1, $12::uuid, $2, ${FILTER_ARGUMENTS})`,
      values: [model, pageSize, ...filters, embedding.length, after],
    });
    if (page.length > 0) {
      const vectors = page.map(([, digits]) => digits);
      const { indexes, likenesses } = await compare({ wanted, vectors, least: nearest.least });
      for (const [i, index] of indexes.entries()) {
        const [id, , importance, success, micros] = page[index] as VectorRow;
        nearest.add(likenesses[i] as number, candidate(["VECTOR", id, importance, success, micros]));
      }
    }
    if (page.length < pageSize) return nearest.best();
    after = page.at(-1)?.[0] ?? null;
  }
}

function newestFirst(a: MemoryCandidate, b: MemoryCandidate): number {
  if (a.createMicros !== b.createMicros) return a.createMicros > b.createMicros ? -1 : 1;
  return a.id > b.id ? -1 : 1;
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
