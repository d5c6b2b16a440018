import type { SearchMemoriesRequest } from "../../../gen/holdfast/v1/memory_pb.js";
import { type FieldViolation, invalidFields } from "../../core/errors.js";
import type { QualityWeights } from "./rank-fusion.js";

const DEFAULT_LIMIT = 10;
/** A page of memories each of which may be a megabyte; and nobody recalls more at once. */
const MAX_LIMIT = 100;
/** Some pages: a text whose like is looked for, not a document to store. */
const MAX_TEXT_LENGTH = 10_000;
/** As of a stored embedding. */
const MAX_VECTOR_LENGTH = 4096;
const MAX_MODEL_LENGTH = 200;
const MAX_WEIGHT = 10;

export interface SearchWeightsInForce extends QualityWeights {
  readonly text: number;
  readonly embedding: number;
}

const DEFAULT_WEIGHTS: SearchWeightsInForce = {
  text: 1,
  embedding: 1,
  importance: 0.2,
  recency: 0.2,
  success: 0.2,
};

/** What a search asks for with every default filled in. @throws INVALID_FIELD */
export function checkSearch(request: SearchMemoriesRequest): {
  limit: number;
  weights: SearchWeightsInForce;
} {
  const { text, embedding, embeddingModel, limit, filter } = request;
  const violations: FieldViolation[] = [];
  const refuse = (field: string, description: string) => violations.push({ field, description });
  if (text === "" && embedding.length === 0) refuse("text", "expected a text or an embedding, got neither");
  if (text.length > MAX_TEXT_LENGTH) {
    refuse("text", `expected at most ${MAX_TEXT_LENGTH} characters, got ${text.length}`);
  }
  if (text.includes("\0")) refuse("text", "expected text without NUL (U+0000)");
  if (embedding.length > MAX_VECTOR_LENGTH) {
    refuse("embedding", `expected at most ${MAX_VECTOR_LENGTH} numbers, got ${embedding.length}`);
  }
  if (!embedding.every(Number.isFinite)) refuse("embedding", "expected finite numbers, got others");
  if (embedding.length > 0 && embeddingModel === "") {
    refuse("embedding_model", "expected the model that made the embedding, got nothing");
  }
  if (embeddingModel.length > MAX_MODEL_LENGTH) {
    refuse(
      "embedding_model",
      `expected at most ${MAX_MODEL_LENGTH} characters, got ${embeddingModel.length}`,
    );
  }
  if (embeddingModel.includes("\0")) refuse("embedding_model", "expected text without NUL (U+0000)");
  if (limit < 0 || limit > MAX_LIMIT) refuse("limit", `expected 0 to ${MAX_LIMIT}, got ${limit}`);
  if (filter?.includeDeleted) refuse("filter.include_deleted", "expected false in a search, got true");
  const weights = { ...DEFAULT_WEIGHTS };
  for (const name of Object.keys(weights) as (keyof SearchWeightsInForce)[]) {
    const given = request.weights?.[name] ?? weights[name];
    // Written so that NaN is outside.
    if (!(given >= 0 && given <= MAX_WEIGHT))
      refuse(`weights.${name}`, `expected 0 to ${MAX_WEIGHT}, got ${given}`);
    Object.assign(weights, { [name]: given });
  }
  if (violations.length > 0) throw invalidFields(violations);
  return { limit: limit === 0 ? DEFAULT_LIMIT : limit, weights };
}
