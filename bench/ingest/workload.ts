/** What both sides write: an observation of one of the sessions with a JSON payload of this size. */
export const PAYLOAD_BYTES = 300;
export const STREAMS = 8;
export const SESSIONS = 64;
export const AGENT_ID = "bench-agent";
export const OBSERVATION_TYPE = "result";
/**
 * Observations each stream may have unacknowledged: enough that a flush is
 * always full while the one before it is written, and no more, since each
 * further one only waits.
 */
export const OUTSTANDING = 384;
/** Recorded at a time, as an agent that reads a page of results would. */
export const BURST = 16;

/** Different payloads of exactly the size, to be used in turn. */
export function payloads(count: number): readonly Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const start = `{"step":${i},"tool":"web_search","ok":true,"score":${(i % 97) / 97},"text":"`;
    return Buffer.from(`${start.padEnd(PAYLOAD_BYTES - 2, "what the page said, ")}"}`);
  });
}

/** What a worker measured in one round. */
export interface Measurement {
  /** Observations known to be durable. */
  readonly acknowledged: number;
  readonly seconds: number;
  /** From being recorded to being acknowledged, of a sample, in milliseconds. */
  readonly latenciesMs: readonly number[];
  /** Of the measuring process itself, in milliseconds. */
  readonly cpuMs: number;
}

/** Counts over a stretch of time; started when made. */
export function startMeasuring() {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  return (acknowledged: number, latenciesMs: readonly number[]): Measurement => {
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - startedAt) / 1000;
    return { acknowledged, seconds, latenciesMs, cpuMs: (user + system) / 1000 };
  };
}
