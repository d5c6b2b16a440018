/**
 * Steps that the rules may take in the plan of one flush: rows and edges looked at, and changes that follow from
 * others. Planning holds the event loop, and this many steps hold it for 20 to 40 ms. The entry that passes it is
 * still planned whole, and has limits of its own.
 */
export const MAX_FLUSH_STEPS = 500_000;
/** A change that follows from another is encoded and hashed, which takes as long as looking at so many edges. */
export const STEPS_OF_A_CHANGE = 1000;
