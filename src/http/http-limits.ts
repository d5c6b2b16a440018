const SECOND = 1000;
const KIB = 1024;

/** What a client of the HTTP port may hold. It needs no token, so nothing here is large. */
export interface HttpLimits {
  /**
   * Connections at a time. When one more comes, the one that has been silent longest is closed, so that clients that
   * say nothing cannot keep a probe out. Scrapers and probes are a few.
   */
  readonly maxConnections: number;
  /** Bytes of the head of a request. Those of scrapers have less than 1 KiB. */
  readonly maxHeaderBytes: number;
  /** Milliseconds in which the head of a request must come, counted from the connection for the first one. */
  readonly headersTimeoutMs: number;
  /** Milliseconds in which a whole request must come. */
  readonly requestTimeoutMs: number;
  /** Milliseconds between an answer and the next request, after which the connection is closed. The default of Node. */
  readonly keepAliveTimeoutMs: number;
  /** Milliseconds from a request until its answer is made and the client has taken it. Scrapers wait 10 s by default. */
  readonly answerTimeoutMs: number;
  /**
   * Milliseconds from the start of a rendering of the metrics to the start of the next. A rendering takes some 10 ms
   * of processor time, so scrapes cost at most a twentieth of one core.
   */
  readonly renderIntervalMs: number;
}

export const HTTP_LIMITS: HttpLimits = Object.freeze({
  maxConnections: 256,
  maxHeaderBytes: 8 * KIB,
  headersTimeoutMs: 10 * SECOND,
  requestTimeoutMs: 10 * SECOND,
  keepAliveTimeoutMs: 5 * SECOND,
  answerTimeoutMs: 10 * SECOND,
  renderIntervalMs: 250,
});
