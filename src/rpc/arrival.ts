import type { ServerHttp2Stream } from "node:http2";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { Admission } from "./admission.js";
import type { CallLimit } from "./call-limit.js";
import type { Connection } from "./connection.js";
import type { RpcMetrics } from "./rpc-metrics.js";

/**
 * Milliseconds that a message may come later than the headers of its call and still count as come with them. Most
 * come in the same packet.
 */
const GRACE_MS = 50;
/** Bytes of a message that is still coming, for each period of the deadline: 52 kbit/s by default, a very thin link. */
const PROGRESS_BYTES = 64 * 1024;
/** Nothing aborts it. */
const NEVER = new AbortController().signal;

/** What all calls of a server share of the room there is. */
export interface Room {
  /** Calls whose message is late. */
  readonly awaited: CallLimit;
  /** Streams, from when it is known whose they are. */
  readonly streams: CallLimit;
  readonly metrics: RpcMetrics;
  /** Milliseconds of the deadline of a message; see RpcSettings. */
  readonly messageTimeoutMs: number;
}

/** A place among the calls that are served, taken by the headers of the call. */
export interface Slot {
  readonly admission: Admission;
  /** Whose it is, as far as the headers say. */
  readonly tenantId: string;
}

export interface ArrivalOptions {
  /** For methods whose calls are admitted one by one. */
  readonly slot?: Slot;
  /** Whether the method takes or answers a stream. */
  readonly isStream: boolean;
  /** What it came on; undefined when that is closed already. */
  readonly connection: Connection | undefined;
  /** Told whose call it is. */
  readonly onIdentified?: (tenantId: string) => void;
}

/**
 * What one call holds of the server's room, from its headers to its end.
 *
 * A call whose message does not come with its headers gives its slot back: whoever sends nothing must not keep others
 * out. It is then one of a bounded number of calls that wait for their message, and its message has a deadline. When
 * that comes, the call takes a slot again.
 */
export class Arrival {
  readonly #room: Room;
  readonly #stream: ServerHttp2Stream;
  readonly #options: ArrivalOptions;
  #slot: Slot | undefined;
  #tenantId = "";
  #isOpenStream = false;
  #isPaused = false;
  #isOver = false;
  /** Set while the message is awaited; ends the call. */
  #end: ((error: HoldfastError) => void) | undefined;
  #isLate = false;
  #timer: NodeJS.Timeout | undefined;
  /** Bytes that came in the current period of the deadline. */
  #newBytes = 0;

  constructor(room: Room, stream: ServerHttp2Stream, options: ArrivalOptions) {
    this.#room = room;
    this.#stream = stream;
    this.#options = options;
    this.#slot = options.slot;
  }

  /** Aborts when the call is to move to another connection. Never if its own is closed already. */
  get draining(): AbortSignal {
    return this.#options.connection?.draining ?? NEVER;
  }

  /** Whose call it is. @throws OVERLOADED when it is one stream too many */
  identified(tenantId: string): void {
    this.#tenantId = tenantId;
    this.#options.onIdentified?.(tenantId);
    if (!this.#options.isStream) return;
    const rejection = this.#room.streams.enter(tenantId);
    if (rejection) throw rejection;
    this.#isOpenStream = true;
  }

  /**
   * The call waits for its message from now on, until `messageCame` or `leave`.
   *
   * @param end ends the call, which may not wait any longer
   */
  awaitMessage(end: (error: HoldfastError) => void): void {
    // A handler may ask for the first message when nobody waits for its answer any more.
    if (this.#isOver) return;
    this.#end = end;
    this.pause();
    this.#after(GRACE_MS, () => this.#late());
  }

  /** The message is there. @throws OVERLOADED when it was late and there is no room to serve the call any more */
  messageCame(): void {
    const wasLate = this.#isLate;
    this.#stopWaiting();
    const slot = this.#options.slot;
    if (!wasLate || !slot) return;
    const rejection = slot.admission.enterAgain(this.#tenantId);
    if (rejection) throw rejection;
    this.#slot = { admission: slot.admission, tenantId: this.#tenantId };
  }

  /** Nothing is done for the call from now on, until `resume` or `leave`: so long its slot keeps nobody else out. */
  pause(): void {
    if (this.#isPaused || !this.#slot) return;
    this.#isPaused = true;
    this.#slot.admission.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#slot?.admission.resume();
  }

  /** The call is over. To say so again changes nothing. */
  leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#end) this.#stopWaiting();
    this.#leaveSlot();
    if (this.#isOpenStream) this.#room.streams.leave(this.#tenantId);
    this.#closeStream();
  }

  /**
   * A call may be over, its status sent, while its client still sends or could: Node keeps the HTTP/2 stream for as
   * long as the client likes. It is closed here, once the client had time to end it: to close it at once would drop
   * a status that waits behind other data.
   */
  #closeStream(): void {
    const stream = this.#stream;
    if (stream.readableEnded || stream.closed || stream.destroyed) return;
    const timer = setTimeout(() => {
      const isStatusSent =
        stream.sentHeaders?.["grpc-status"] !== undefined || stream.sentTrailers !== undefined;
      // To close it before trailers are sent would make sending them fail.
      if (isStatusSent) stream.close();
    }, this.#room.messageTimeoutMs);
    stream.once("close", () => clearTimeout(timer));
  }

  // After what had come by then was read: of a server that was busy for so long it is not known whether anybody was silent.
  #after(ms: number, then: () => void): void {
    this.#timer = setTimeout(() => setImmediate(() => this.#end && then()), ms);
  }

  #late(): void {
    const { awaited, messageTimeoutMs } = this.#room;
    const rejection = awaited.enter(this.#tenantId);
    if (rejection) {
      this.#giveUp("too many", rejection);
      return;
    }
    this.#isLate = true;
    this.#leaveSlot();
    this.#stream.on("data", this.#count);
    this.#after(messageTimeoutMs, () => this.#overdue());
  }

  #overdue(): void {
    const { messageTimeoutMs } = this.#room;
    if (this.#newBytes >= PROGRESS_BYTES) {
      this.#newBytes = 0;
      this.#after(messageTimeoutMs, () => this.#overdue());
      return;
    }
    const message = `expected the request message, or ${PROGRESS_BYTES} more bytes of it, within ${messageTimeoutMs} ms, got less`;
    this.#giveUp("too late", new HoldfastError(ErrorReason.DEADLINE_EXCEEDED, message));
  }

  #giveUp(why: "too many" | "too late", error: HoldfastError): void {
    this.#room.metrics.unsentMessage(why);
    this.#end?.(error);
  }

  readonly #count = (chunk: Buffer): void => {
    this.#newBytes += chunk.byteLength;
  };

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#end = undefined;
    this.resume();
    if (!this.#isLate) return;
    this.#isLate = false;
    this.#stream.off("data", this.#count);
    this.#room.awaited.leave(this.#tenantId);
  }

  #leaveSlot(): void {
    this.resume();
    this.#slot?.admission.leave(this.#slot.tenantId);
    this.#slot = undefined;
  }
}
