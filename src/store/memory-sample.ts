/** One memory in so many is in the sample. */
export const SAMPLE_SHARE = 64;

/** SQL of whether a memory is in the sample, by its id; the predicate of an index. */
export const SAMPLED = `(uuid_hash(id) & ${SAMPLE_SHARE - 1}) = 0`;
