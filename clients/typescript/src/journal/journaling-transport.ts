import type { DescMessage, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import type { CallOptions } from "../call/call-options.js";
import { timerMs } from "../call/duration.js";
import { Transport } from "../call/transport.js";
import type { ConnectOptions } from "../connect-options.js";
import { cancelled, HoldfastError } from "../holdfast-error.js";
import type { Input } from "../wire/input.js";
import { type JournalOptions, journalSettings } from "./journal-options.js";
import { withoutCredentials } from "./journal-write.js";
import { journaledMethod, methodName, writes } from "./journaled-methods.js";
import { WriteJournal } from "./write-journal.js";
import { JournaledInstead } from "./written.js";

/** A transport whose writes go to a journal while the service is away. Reads go to the service or fail. */
export class JournalingTransport extends Transport {
  override readonly journal: WriteJournal;

  constructor(options: ConnectOptions & { readonly journal: JournalOptions }) {
    // Before there is a channel that somebody would have to close.
    const settings = journalSettings(options.journal);
    super(options);
    this.journal = new WriteJournal(this, settings, options.tenantId);
  }

  /** As ever, or throws {@link JournaledInstead}. */
  override async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    input: Input<MessageShape<I>>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    if (!writes(method) || !this.#isOurs(method)) return super.unary(method, input, options);
    const { journal } = this;
    const { signal } = options;
    if (!journaledMethod(methodName(method))) {
      await journal.connected(timerMs(this.allowedMs(options)), signal);
      return super.unary(method, input, options);
    }
    const ackMs = Math.min(this.allowedMs(options), journal.acknowledgeWithinMs);
    const deadline = Date.now() + ackMs;
    // Before all else, so that what cannot be a request is refused the same either way.
    const request = this.encode(method.input, input);
    await journal.decided(ackMs, signal);
    if (journal.route === "service") {
      try {
        const deadlineMs = Math.max(1, deadline - Date.now());
        return await this.unaryBytes(method, request, { ...options, deadlineMs });
      } catch (thrown) {
        const error = HoldfastError.from(thrown);
        if (!isAway(error) || this.closing.aborted) throw error;
        journal.suspend(error);
      }
    }
    if (signal?.aborted) throw cancelled(signal);
    const ids = idsOf(input as Readonly<Record<string, unknown>>);
    await journal.write([{ method, request, ids, metadata: withoutCredentials(options.metadata) }]);
    throw new JournaledInstead(ids);
  }

  #isOurs(method: DescMethodUnary): boolean {
    return method.parent.typeName.startsWith("holdfast.");
  }
}

/** Whether a write was not acknowledged though nothing is wrong with it. */
function isAway({ code, retryable }: HoldfastError): boolean {
  return retryable || code === "UNAVAILABLE" || code === "DEADLINE_EXCEEDED";
}

interface Named {
  readonly id?: string;
  readonly requestId?: string;
}

/** The ids a request carries: its own as a change, else of each thing it writes. The clients have given each one. */
function idsOf(request: Readonly<Record<string, unknown>>): readonly string[] {
  if (request["requestId"]) return [request["requestId"] as string];
  const entries = request["entries"] as readonly { readonly entry: { readonly value: Named } }[] | undefined;
  if (entries) return entries.map(({ entry: { value } }) => value.requestId ?? value.id ?? "");
  const written = Object.values(request).find((value) => typeof value === "object" && value !== null);
  return [written].flat().map((each) => (each as Named).id ?? "");
}
