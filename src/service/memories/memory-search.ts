import {
  MemoryFilterSchema,
  type SearchMemoriesRequest,
  SearchMethod,
  VectorScan,
} from "../../../gen/holdfast/v1/memory_pb.js";
import { nowMicros } from "../../core/time.js";
import type { EntityCodec } from "../../entities/entity-codec.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { NearVectors, VectorPage } from "../../store/compare-vectors-task.js";
import type { Database, ReadBounds, Run } from "../../store/database.js";
import { findFittingRecords } from "../../store/fitting-records.js";
import { readMemoryAccess } from "../../store/memory-access.js";
import {
  type CompareVectors,
  hasPgvector,
  type MemoryCandidate,
  scanVectors,
  searchByPgvector,
  searchByText,
  type VectorQuery,
} from "../../store/memory-search.js";
import { asksForPosition, readMinPosition } from "../../store/read-min-position.js";
import type { ScanKind, Scans } from "../../workers/scans.js";
import type { WorkerPool } from "../../workers/worker-pool.js";
import { workerTask } from "../../workers/worker-task.js";
import { answerTooLarge, bytesToRead } from "../answer-size.js";
import { createListFilter, type ListFilter } from "../list-filter.js";
import { checkSearch } from "./check-search.js";
import { type MemoryAccessLog, setMemoryAccess } from "./memory-access-log.js";
import { fuseRanks, type RankedList } from "./rank-fusion.js";

export interface MemorySearchContext {
  readonly database: Database;
  readonly access: MemoryAccessLog;
  readonly workers: WorkerPool;
  readonly scans: Scans;
  readonly settings: MemorySearchSettings;
}

export interface MemorySearchSettings {
  /** Bytes of an answer, which has no pages. */
  readonly maxAnswerBytes: number;
  /** Age at which a memory's recency counts half; 0 counts no recency. */
  readonly memoryHalfLifeHours: number;
}

export interface MemorySearchAnswer {
  readonly hits: readonly { memory: FieldBag; score: number; methods: SearchMethod[] }[];
  readonly methods: SearchMethod[];
  readonly vectorScan: VectorScan;
}

/** A search; @throws INVALID_FIELD, POSITION_IN_FUTURE, LIMIT_EXCEEDED when what it finds is more than an answer holds; without pgvector also OVERLOADED, LIMIT_EXCEEDED */
export type MemorySearch = (
  tenantId: string,
  request: SearchMemoriesRequest,
  bounds?: ReadBounds,
) => Promise<MemorySearchAnswer>;

/**
 * What each way of finding hands to fusion beyond what is answered: enough that what several found low can still come
 * first. By words alone two ways find, one counting half: with default weights what both have at place 109 is worth
 * 1.6 * 1.5 / 169, less than the tenth of one way without any quality, 1 / 70.
 */
const SPARE_OF_TEXT = 100;
const SPARE_WITH_VECTORS = 190;
/** Vectors are compared elsewhere than in the thread that serves everybody. */
const compareVectors = workerTask<VectorPage, NearVectors>(
  import.meta.url,
  "../../store/compare-vectors-task.js",
  "compareVectors",
);
/** A page takes a millisecond or two: what takes so long will not end. */
const PAGE_LIMIT_MS = 10_000;
const VECTOR_SCAN: ScanKind = {
  name: "vector search",
  advice: "filter by more, or install pgvector in the database",
};

/** Finds the memories whose vectors are nearest, the best first. */
type FindVectors = (run: Run) => Promise<readonly MemoryCandidate[]>;
const noVectors: FindVectors = async () => [];

const HOUR_MS = 3_600_000;
/** Words only spelt like those asked for, against the words themselves. */
const TRIGRAM_SHARE = 0.5;

/** Finds memories in one snapshot by every way the request allows, and counts what it found as accessed. */
export function createMemorySearch(
  { database, access, workers, scans, settings }: MemorySearchContext,
  codec: EntityCodec,
): MemorySearch {
  const filterOf: ListFilter = createListFilter(codec, MemoryFilterSchema);

  return async (tenantId, request, bounds) => {
    const { text, embedding, embeddingModel } = request;
    const { limit, weights } = checkSearch(request);
    const filter = filterOf(request.filter as FieldBag | undefined);
    const byText = text !== "";
    const byVector = embedding.length > 0;
    const many = limit + (byVector ? SPARE_WITH_VECTORS : SPARE_OF_TEXT);

    const read = (vectorsOf: FindVectors, within: ReadBounds | undefined) =>
      database.read(
        tenantId,
        async (run) => {
          const [log, texts, vectors] = await Promise.all([
            asksForPosition(request) ? readMinPosition(run, tenantId, request) : undefined,
            byText ? searchByText(run, text, many, filter) : [],
            vectorsOf(run),
          ]);
          log?.check();
          const lists: readonly RankedList[] = [
            { method: "FULL_TEXT", weight: weights.text, candidates: only(texts, "FULL_TEXT") },
            { method: "TRIGRAM", weight: weights.text * TRIGRAM_SHARE, candidates: only(texts, "TRIGRAM") },
            { method: "VECTOR", weight: weights.embedding, candidates: vectors },
          ];
          const age = { nowMicros: nowMicros(), halfLifeMs: settings.memoryHalfLifeHours * HOUR_MS };
          const fused = fuseRanks(lists, weights, age).slice(0, limit);
          const ids = fused.map(({ id }) => id);
          if (ids.length === 0) return { fused, memories: [] as FieldBag[] };
          const maxBytes = bytesToRead(settings.maxAnswerBytes);
          const without = request.includeEmbeddings ? undefined : "embedding";
          const [{ records: memories, hasMore }, accesses] = await Promise.all([
            findFittingRecords(run, codec, { tenantId, ids, maxBytes, without }, bounds?.turn),
            readMemoryAccess(run, tenantId, ids),
          ]);
          if (hasMore) throw answerTooLarge(maxBytes, settings.maxAnswerBytes, "search with a lower limit");
          setMemoryAccess(memories, accesses);
          return { fused, memories };
        },
        within,
      );
    const vector: VectorQuery = { embedding, model: embeddingModel };
    const scan = (signal: AbortSignal) => {
      const compare: CompareVectors = (page) =>
        workers.run(tenantId, compareVectors, page, { timeLimitMs: PAGE_LIMIT_MS, signal });
      const within = { deadline: undefined, ...bounds, signal };
      return read((run) => scanVectors(run, vector, many, filter, compare), within);
    };
    const byPgvector = byVector && (await database.read(tenantId, hasPgvector, bounds));
    const found = !byVector
      ? await read(noVectors, bounds)
      : byPgvector
        ? await read((run) => searchByPgvector(run, vector, many, filter), bounds)
        : await scans.run(tenantId, VECTOR_SCAN, bounds?.signal, scan);

    const { fused, memories } = found;
    access.touch(
      tenantId,
      fused.map(({ id }) => id),
    );
    const byId = new Map(memories.map((memory) => [memory.id, memory]));
    return {
      hits: fused.flatMap(({ id, score, methods }) => {
        const memory = byId.get(id);
        return memory ? [{ memory, score, methods: methods.map(methodNumber) }] : [];
      }),
      methods: [
        ...(byText ? [SearchMethod.FULL_TEXT, SearchMethod.TRIGRAM] : []),
        ...(byVector ? [SearchMethod.VECTOR] : []),
      ],
      vectorScan: !byVector ? VectorScan.UNSPECIFIED : byPgvector ? VectorScan.PGVECTOR : VectorScan.EXACT,
    };
  };
}

function only(candidates: readonly MemoryCandidate[], method: string): readonly MemoryCandidate[] {
  return candidates.filter((candidate) => candidate.method === method);
}

function methodNumber(name: string): SearchMethod {
  return SearchMethod[name as keyof typeof SearchMethod];
}
