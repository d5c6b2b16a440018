/** What every peer writes: a durable event of this many bytes of JSON, one of 64 sessions. */
export const EVENT_BYTES = 300;
export const SESSIONS = 64;
/** Events of a batch, and writers of batches at once. */
export const BATCH = 100;
export const BATCH_CLIENTS = 4;

/** @param {number} i */
export function eventText(i) {
  const start = `{"step":${i},"tool":"web_search","ok":true,"score":${(i % 97) / 97},"text":"`;
  return `${start.padEnd(EVENT_BYTES - 2, "what the page said, ")}"}`;
}

/** @param {number} i */
export function sessionOf(i) {
  return `session-${i % SESSIONS}`;
}

/**
 * @typedef {object} Peer
 * @property {(i: number) => Promise<unknown>} one stores one event and waits until it is durable
 * @property {((first: number, count: number) => Promise<unknown>)=} many stores so many together
 * @property {() => Promise<unknown>} close
 */
