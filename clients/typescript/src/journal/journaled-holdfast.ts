import type { ActionSelectors } from "../action-selectors.js";
import type { Actions } from "../actions.js";
import type { Configurations } from "../configurations.js";
import type { ConnectOptions } from "../connect-options.js";
import type { CrossSessionPatterns } from "../cross-session-patterns.js";
import type { Decisions } from "../decisions.js";
import type { Events } from "../events.js";
import type { Goals } from "../goals.js";
import { Holdfast } from "../holdfast.js";
import type { LearningSystems } from "../learning-systems.js";
import type { Memories } from "../memories.js";
import type { Observations } from "../observations.js";
import type { PerformanceMetrics } from "../performance-metrics.js";
import type { Recorder } from "../recorder/recorder.js";
import type { RecorderOptions } from "../recorder/recorder-options.js";
import type { SecurityAudits } from "../security-audits.js";
import type { Sessions } from "../sessions.js";
import type { JournalOptions } from "./journal-options.js";
import type { Journal } from "./journal-state.js";
import { type JournaledClient, journaledClient } from "./journaled-client.js";
import { JournalingTransport } from "./journaling-transport.js";
import type { Kept } from "./written.js";

/** A connection with a journal: a {@link Holdfast} whose writes answer whether they are durable or journaled. */
export interface JournaledHoldfast extends Pick<Holdfast, "admin" | "close"> {
  readonly journal: Journal;
  readonly sessions: JournaledClient<Sessions>;
  readonly goals: JournaledClient<Goals>;
  readonly memories: JournaledClient<Memories>;
  readonly actions: JournaledClient<Actions>;
  readonly observations: JournaledClient<Observations>;
  readonly decisions: JournaledClient<Decisions>;
  readonly metrics: JournaledClient<PerformanceMetrics>;
  readonly selectors: JournaledClient<ActionSelectors>;
  readonly learning: JournaledClient<LearningSystems>;
  readonly patterns: JournaledClient<CrossSessionPatterns>;
  readonly configurations: JournaledClient<Configurations>;
  readonly audits: JournaledClient<SecurityAudits>;
  readonly events: JournaledClient<Events>;
  /** A recorder with a stream of its own, whose records are journaled while the service is away. */
  recorder(options?: RecorderOptions): Recorder<Kept>;
}

/** Throws the system's error for a journal directory that cannot be used. */
export function createJournaledHoldfast(
  options: ConnectOptions & { readonly journal: JournalOptions },
): JournaledHoldfast {
  const transport = new JournalingTransport(options);
  const { journal } = transport;
  const holdfast = new Holdfast(transport, () => journal.close());
  return {
    journal,
    sessions: journaledClient(holdfast.sessions),
    goals: journaledClient(holdfast.goals),
    memories: journaledClient(holdfast.memories),
    actions: journaledClient(holdfast.actions),
    observations: journaledClient(holdfast.observations),
    decisions: journaledClient(holdfast.decisions),
    metrics: journaledClient(holdfast.metrics),
    selectors: journaledClient(holdfast.selectors),
    learning: journaledClient(holdfast.learning),
    patterns: journaledClient(holdfast.patterns),
    configurations: journaledClient(holdfast.configurations),
    audits: journaledClient(holdfast.audits),
    events: journaledClient(holdfast.events),
    admin: holdfast.admin,
    recorder: (given) => holdfast.recorder(given) as unknown as Recorder<Kept>,
    close: (given) => holdfast.close(given),
  };
}
