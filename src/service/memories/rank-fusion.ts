import type { MemoryCandidate } from "../../store/memory-search.js";

/** What one way of finding found, the best first, and how much it counts. */
export interface RankedList {
  readonly method: string;
  readonly weight: number;
  readonly candidates: readonly MemoryCandidate[];
}

/** How much each quality of a memory raises what was found. */
export interface QualityWeights {
  readonly importance: number;
  readonly recency: number;
  readonly success: number;
}

export interface FusedHit {
  readonly id: string;
  readonly score: number;
  readonly methods: readonly string[];
}

/**
 * The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009):
 * being first by one way does not outweigh being well placed by several.
 */
const RANK_CONSTANT = 60;
/** What an importance or success that is not given counts. */
const UNKNOWN_QUALITY = 0.5;

/**
 * Merges what several ways found, the best first: a memory's relevance is the sum of
 * weight / (60 + rank), multiplied by 1 + its weighted qualities. Ranks begin at 1.
 */
export function fuseRanks(
  lists: readonly RankedList[],
  qualities: QualityWeights,
  age: { readonly nowMicros: bigint; readonly halfLifeMs: number },
): readonly FusedHit[] {
  const found = new Map<string, { candidate: MemoryCandidate; relevance: number; methods: string[] }>();
  for (const { method, weight, candidates } of lists) {
    for (const [index, candidate] of candidates.entries()) {
      const hit = found.get(candidate.id) ?? { candidate, relevance: 0, methods: [] };
      hit.relevance += weight / (RANK_CONSTANT + index + 1);
      hit.methods.push(method);
      found.set(candidate.id, hit);
    }
  }
  return [...found.values()]
    .map(({ candidate, relevance, methods }) => ({
      id: candidate.id,
      score: relevance * quality(candidate, qualities, age),
      methods,
    }))
    .sort((a, b) => b.score - a.score);
}

function quality(
  { importance, successScore, createMicros }: MemoryCandidate,
  weights: QualityWeights,
  { nowMicros, halfLifeMs }: { nowMicros: bigint; halfLifeMs: number },
): number {
  const ageMs = Math.max(0, Number(nowMicros - createMicros) / 1000);
  const recency = halfLifeMs > 0 ? 2 ** (-ageMs / halfLifeMs) : 0;
  return (
    1 +
    weights.importance * (importance ?? UNKNOWN_QUALITY) +
    weights.recency * recency +
    weights.success * (successScore ?? UNKNOWN_QUALITY)
  );
}
