import {
  type EventSelection,
  type Events,
  HoldfastError,
  type SubscribeOptions,
} from "../../clients/typescript/src/index.js";
import type { Event } from "../../gen/holdfast/v1/event_pb.js";
import { CommandError } from "./command-error.js";
import type { LineWriter } from "./line-writer.js";

export interface FollowOptions {
  readonly events: Events;
  readonly selection: EventSelection;
  readonly after: NonNullable<SubscribeOptions["after"]>;
  /** Whether to end once everything there was has been written. */
  readonly untilCaughtUp: boolean;
  /** Ends it, as intended. */
  readonly signal: AbortSignal;
  readonly format: (event: Event) => string;
  readonly output: LineWriter;
  /** Takes what the reader should know besides the events. */
  readonly tell: (message: string) => void;
}

/** Writes a line for each event until told to end. @throws CommandError when the server refuses */
export async function followLog(options: FollowOptions): Promise<void> {
  const { events, selection, after, signal, output, tell } = options;
  let isAway = false;
  const subscription = events.subscribe({
    ...selection,
    after,
    signal,
    onInterrupted(error) {
      if (!isAway) tell(`Not connected (${shortReason(error)}); trying until it works …`);
      isAway = true;
    },
  });
  try {
    for await (const page of subscription.pages()) {
      if (isAway) tell("Connected.");
      isAway = false;
      for (const event of page.events) await output.write(options.format(event));
      if (page.caughtUp && options.untilCaughtUp) return;
    }
  } catch (error) {
    if (!signal.aborted) throw refusal(error);
    const position = subscription.cursor?.position;
    if (position !== undefined) tell(`To go on from here: --from ${position}`);
  }
}

/** grpc-js wraps what the system said of a connection in words of its own. */
function shortReason({ message }: HoldfastError): string {
  return /Last error: (?:Error: )?(.*?)\.? Resolution note:/.exec(message)?.[1] ?? message;
}

function refusal(error: unknown): unknown {
  if (!(error instanceof HoldfastError)) return error;
  const reason = error.reason === "UNSPECIFIED" ? error.code : error.reason;
  return new CommandError(`The server refuses: ${error.message} (${reason}).`);
}
