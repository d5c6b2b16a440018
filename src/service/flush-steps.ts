/**
 * Steps that the rules may take in one flush: rows and edges looked at, and changes that follow from others. After the
 * call that passes it the flush ends, so that the first of many calls need not wait for the work of all. The plan is
 * made in turns, so this bounds how long a transaction takes, and not how long the event loop is held.
 */
export const MAX_FLUSH_STEPS = 500_000;
/** A change that follows from another is encoded, hashed and written, which costs far more than looking at an edge. */
export const STEPS_OF_A_CHANGE = 1000;
