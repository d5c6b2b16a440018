import { ActionSelectors } from "./action-selectors.js";
import { Actions } from "./actions.js";
import { Admin } from "./admin.js";
import { durationMs, timerMs } from "./call/duration.js";
import type { Transport } from "./call/transport.js";
import { Configurations } from "./configurations.js";
import { CrossSessionPatterns } from "./cross-session-patterns.js";
import { Decisions } from "./decisions.js";
import { Events } from "./events.js";
import { Goals } from "./goals.js";
import { closed } from "./holdfast-error.js";
import { LearningSystems } from "./learning-systems.js";
import { Memories } from "./memories.js";
import { Observations } from "./observations.js";
import { PerformanceMetrics } from "./performance-metrics.js";
import { Recorder } from "./recorder/recorder.js";
import type { RecorderOptions } from "./recorder/recorder-options.js";
import { SecurityAudits } from "./security-audits.js";
import { Sessions } from "./sessions.js";
import { createUuidV7Source } from "./uuid-v7.js";

// Recorders get as long as a unary call has by default.
const CLOSE_TIMEOUT_MS = 10_000;

/** A connection to Holdfast, made by `connect`. */
export class Holdfast {
  readonly sessions: Sessions;
  readonly goals: Goals;
  readonly memories: Memories;
  readonly actions: Actions;
  readonly observations: Observations;
  readonly decisions: Decisions;
  readonly metrics: PerformanceMetrics;
  readonly selectors: ActionSelectors;
  readonly learning: LearningSystems;
  readonly patterns: CrossSessionPatterns;
  readonly configurations: Configurations;
  readonly audits: SecurityAudits;
  readonly events: Events;
  readonly admin: Admin;
  readonly #transport: Transport;
  readonly #onClosing: () => Promise<void> | undefined;
  readonly #recorders = new Set<Recorder>();
  #closing: Promise<void> | undefined;

  /** `onClosing` ends what else uses the transport, once recorders are closed. */
  constructor(transport: Transport, onClosing: () => Promise<void> | undefined = () => undefined) {
    this.#transport = transport;
    this.#onClosing = onClosing;
    const caller = { transport: this.#transport, newId: createUuidV7Source() };
    this.sessions = new Sessions(caller);
    this.goals = new Goals(caller);
    this.memories = new Memories(caller);
    this.actions = new Actions(caller);
    this.observations = new Observations(caller);
    this.decisions = new Decisions(caller);
    this.metrics = new PerformanceMetrics(caller);
    this.selectors = new ActionSelectors(caller);
    this.learning = new LearningSystems(caller);
    this.patterns = new CrossSessionPatterns(caller);
    this.configurations = new Configurations(caller);
    this.audits = new SecurityAudits(caller);
    this.events = new Events(caller);
    this.admin = new Admin(caller);
  }

  /** A recorder with a stream of its own. Close it, or the connection. */
  recorder(options: RecorderOptions = {}): Recorder {
    if (this.#closing) throw closed("client");
    const recorder: Recorder = new Recorder(this.#transport, options, () => this.#recorders.delete(recorder));
    this.#recorders.add(recorder);
    return recorder;
  }

  /**
   * Closes recorders, each with what it holds, for at most `timeoutMs` (10 s), after which they are abandoned;
   * then the connection. Calls in flight finish; subscriptions end. Rejects only with INVALID_ARGUMENT, for a
   * `timeoutMs` that is no length of time; then nothing is closed.
   */
  async close({ timeoutMs = CLOSE_TIMEOUT_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(timerMs(durationMs("timeoutMs", timeoutMs, 0)));
    await this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), timeoutMs);
    await Promise.all([...this.#recorders].map((recorder) => recorder.close({ signal: timeout.signal })));
    clearTimeout(timer);
    await this.#onClosing();
    this.#transport.close();
  }
}
