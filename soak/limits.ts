/** How far what a process holds may grow. */
export interface Limit {
  /** By the trend under load, in the figure's unit per hour. */
  readonly perHour: number;
  /**
   * However short the run: two looks at the same state differ by as much, so a shorter run shows only what grows faster.
   */
  readonly noise: number;
  /** By what it may hold more at rest at the end than at rest before; whatever the trend allows unless given. */
  readonly atRest?: number;
}

/**
 * Clients make some 300 calls and messages a second. The least that a call can leave behind, an entry of a Map or a
 * listener with its closure, is about 100 bytes: 50 MiB an hour a server. A fifth of that is found.
 */
const MEMORY: Limit = { perHour: 10, noise: 4 };
/** Of what is counted: clients come and go, so under load it swings, but nobody there means nothing held. */
const COUNTED: Limit = { perHour: 10, noise: 20, atRest: 2 };

export const LIMITS: Readonly<Record<string, Limit>> = {
  "heap MiB": MEMORY,
  "external MiB": MEMORY,
  // What was given back may stay with the allocator in pieces: this tells of what lies outside all that Node counts.
  "resident MiB": { perHour: 60, noise: 40 },
  handles: COUNTED,
  "open files": COUNTED,
  // Each connection prepares each statement once, when it first meets it, so rare ones come late: a name made anew
  // for each call would come by the hundred thousand.
  // At rest a pool may hold a connection with all of them or none at all: only the trend tells.
  "prepared statements": { perHour: 60, noise: 40, atRest: Number.POSITIVE_INFINITY },
  connections: COUNTED,
  // Plans of those statements and the catalogue's rows, kept by each backend for as long as it lives.
  "own MiB a connection": { perHour: 6, noise: 4 },
};
