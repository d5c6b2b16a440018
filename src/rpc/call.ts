import {
  type Metadata,
  type ServerInterceptingCallInterface,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import type { Logger } from "pino";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import type { AnswerRoom } from "../core/answer-room.js";
import { HoldfastError } from "../core/errors.js";
import type { Turn } from "../core/in-turns.js";
import { type Principal, SYSTEM_TENANT_ID } from "../core/principal.js";
import { accessOf } from "./access.js";
import type { Arrival } from "./arrival.js";
import { authorise } from "./authorise.js";
import type { CallContext } from "./call-context.js";
import { logFailure } from "./log-failure.js";
import { requestIdFrom } from "./request-id.js";
import { RequestReader } from "./request-reader.js";
import { ResponseWriter } from "./response-writer.js";
import { closeQuietly, runHandler } from "./run-handler.js";
import type { ServerEnvironment } from "./server-environment.js";
import { type RegisteredMethod, takesStream } from "./service.js";
import { statusCodeOf } from "./status-code.js";
import { type PartialStatus, statusSender } from "./status-sender.js";
import { trailersFromError } from "./trailers.js";
import { errorFromTransport } from "./transport-error.js";

// Milliseconds. A client counts its deadline from sending and resets the call itself when it passes; we count from
// receiving, so its reset comes this much before our own timer at the most, on a network that is well.
const DEADLINE_SKEW_MS = 50;

const UNKNOWN_CALLER: Principal = Object.freeze({
  tenantId: SYSTEM_TENANT_ID,
  actor: "unauthenticated",
  roles: [],
});

/** Why a caller is refused for who it is. */
const DENIALS: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.UNAUTHENTICATED,
  ErrorReason.PERMISSION_DENIED,
]);

/**
 * One call, from its first header to its status. It is finished exactly once: by its handler, by the client, by its
 * deadline, by grpc-js refusing a message, or by the server; whatever the handler does after that is ignored.
 *
 * It speaks to grpc-js below its Node streams (`ServerInterceptingCall`): one message per read, a callback per
 * write. The streams destroy themselves under `for await`, and buffer without bound.
 */
export class Call implements CallContext {
  readonly #environment: ServerEnvironment;
  readonly #method: RegisteredMethod;
  readonly #transport: ServerInterceptingCallInterface;
  readonly #sendStatus: (status: PartialStatus) => void;
  readonly #arrival: Arrival;
  readonly #onSettled: (call: Call) => void;
  readonly #reader: RequestReader;
  readonly turn: Turn;
  readonly #abort = new AbortController();
  readonly #startMs = performance.now();
  #ending: AbortController | undefined;
  readonly #onDraining = () => this.#ending?.abort(this.draining.reason);
  #writer: ResponseWriter | undefined;
  #answers: AsyncIterator<unknown> | undefined;
  #begun = false;
  #finished = false;
  #logger: Logger | undefined;
  #principal = UNKNOWN_CALLER;
  #requestId = "";

  /** @param onSettled told when the handler is done, which may be later than the call */
  constructor(
    environment: ServerEnvironment,
    method: RegisteredMethod,
    transport: ServerInterceptingCallInterface,
    arrival: Arrival,
    onSettled: (call: Call) => void,
  ) {
    this.#environment = environment;
    this.#method = method;
    this.turn = () => environment.turns.next(this.#principal.tenantId);
    this.#transport = transport;
    this.#arrival = arrival;
    this.#onSettled = onSettled;
    this.#reader = new RequestReader(transport, takesStream(method.descriptor));
    // grpc-js ends calls by itself (deadline, oversize message, broken compression) through this method of its own
    // object, past every interceptor hook. Replacing it is the one way to count those ends and give them details.
    this.#sendStatus = statusSender(transport, (err) =>
      this.logger.error({ err }, "the status of a call could not be sent"),
    );
    transport.sendStatus = (sent) => this.#endedByTransport(sent);
    environment.metrics.started(method.path);
  }

  get principal(): Principal {
    return this.#principal;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get draining(): AbortSignal {
    return this.#arrival.draining;
  }

  get ending(): AbortSignal {
    if (!this.#ending) {
      this.#ending = new AbortController();
      for (const { aborted, reason } of [this.signal, this.draining]) if (aborted) this.#ending.abort(reason);
      this.draining.addEventListener("abort", this.#onDraining);
    }
    return this.#ending.signal;
  }

  get room(): AnswerRoom {
    if (!this.#writer) throw new TypeError("a call has no room for answers before its handler runs");
    return this.#writer;
  }

  get deadline(): Date | undefined {
    const deadline = this.#transport.getDeadline();
    return deadline === Number.POSITIVE_INFINITY ? undefined : new Date(deadline);
  }

  get requestId(): string {
    return this.#requestId;
  }

  get logger(): Logger {
    this.#logger ??= this.#environment.logger.child({
      method: this.#method.path,
      requestId: this.#requestId,
      tenantId: this.#principal.tenantId,
      actor: this.#principal.actor,
    });
    return this.#logger;
  }

  /** Begins to serve. Once. */
  start(): void {
    this.#transport.start({
      onReceiveMetadata: (metadata) => {
        // What fails there is how the call's failure is told: the caller hears of its end from the transport.
        this.#serve(metadata).catch((err: unknown) =>
          this.logger.error({ err }, "a call was not ended well"),
        );
      },
      onReceiveMessage: (bytes: Uint8Array) => this.#reader.push(bytes),
      onReceiveHalfClose: () => this.#reader.end(),
      // grpc-js says so after every call, also one that ended well: then it is finished already.
      onCancel: () => {
        this.#writer?.close();
        this.#cancelled();
      },
    });
    // A stream that died before it began is never heard of again.
    if (!this.#begun) {
      this.#cancelled();
      this.#onSettled(this);
    }
  }

  /** Ends the call with this error, whatever its handler is doing, unless it has ended. */
  abort(error: HoldfastError): void {
    if (this.#finished) return;
    this.#fail(error);
    this.#abort.abort(error);
    this.#ending?.abort(error);
    this.#reader.fail(error);
    this.#writer?.fail(error);
    if (this.#answers) void closeQuietly(this.#answers);
  }

  async #serve(metadata: Metadata): Promise<void> {
    const { authenticate, settings, unread } = this.#environment;
    this.#begun = true;
    this.#requestId = requestIdFrom(metadata);
    try {
      if (this.#method.authenticated) {
        this.#principal = await authenticate(metadata, this.#transport.getPeer());
        await this.#admit(metadata);
      }
      this.#arrival.identified(this.#principal.tenantId);
      if (this.#finished) return;
      this.#writer = new ResponseWriter({
        transport: this.#transport,
        bufferBytes: settings.writeBufferBytes,
        requestId: this.#requestId,
        tenantId: this.#principal.tenantId,
        unread,
        onUnread: (error) => this.abort(error),
      });
      await runHandler({
        method: this.#method,
        reader: this.#reader,
        writer: this.#writer,
        context: this,
        maxSendBytes: settings.maxSendBytes,
        opening: (message) => this.#opening(message),
        ...(this.#method.isHeavy && { runHeavy: (work) => this.#runHeavy(work) }),
        filter: this.#environment.secrets?.for(this.#method.descriptor),
        onAnswers: (answers) => {
          this.#answers = answers;
        },
      });
      this.#succeed();
    } catch (thrown) {
      const error = HoldfastError.from(thrown);
      if (DENIALS.has(error.reason)) this.#denied(error);
      this.#fail(error);
    } finally {
      if (this.#ending) this.draining.removeEventListener("abort", this.#onDraining);
      this.#writer?.reserve(0);
      this.#onSettled(this);
    }
  }

  /** Waits for the first message, or the only one, which has a deadline of its own. */
  async #opening<T>(message: Promise<T>): Promise<T> {
    this.#arrival.awaitMessage((error) => this.abort(error));
    const received = await message;
    this.#arrival.messageCame();
    return received;
  }

  /** Does the work of a heavy call when it may begin. */
  #runHeavy<T>(work: () => Promise<T>): Promise<T> {
    this.#arrival.pause();
    return this.#environment.heavyCalls.run(this.#principal.tenantId, this.signal, () => {
      this.#arrival.resume();
      return work();
    });
  }

  async #admit(metadata: Metadata): Promise<void> {
    const { descriptor, path: operation } = this.#method;
    authorise(descriptor, this.#principal, metadata);
    if (accessOf(descriptor) !== "administer") return;
    const message = "an administrative call was let through";
    await this.#environment.audits?.allowed({ principal: this.#principal, operation, message, targets: [] });
  }

  #denied(error: HoldfastError): void {
    const { path: operation } = this.#method;
    const peer = this.#transport.getPeer();
    this.#environment.audits?.denied({ principal: this.#principal, operation, error, peer });
  }

  #succeed(): void {
    if (this.#finished) return;
    this.#finish(status.OK);
    this.#sendStatus({ code: status.OK, details: "OK" });
  }

  #fail(error: HoldfastError): void {
    if (this.#finished) return;
    const durationMs = this.#finish(statusCodeOf(error));
    logFailure(this.logger, { error, code: statusCodeOf(error), durationMs });
    this.#sendStatus(trailersFromError(error, this.#requestId));
  }

  #finish(code: status): number {
    this.#finished = true;
    const durationMs = performance.now() - this.#startMs;
    this.#environment.metrics.finished(this.#method.path, status[code], durationMs / 1000);
    return durationMs;
  }

  #endedByTransport(sent: PartialStatus): void {
    if (this.#finished) this.#sendStatus(sent);
    else this.abort(errorFromTransport(sent as StatusObject));
  }

  #cancelled(): void {
    if (this.#finished) return;
    const remainingMs = (this.deadline?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now();
    const late = remainingMs <= DEADLINE_SKEW_MS;
    this.abort(
      late
        ? new HoldfastError(ErrorReason.DEADLINE_EXCEEDED, "the deadline passed")
        : new HoldfastError(ErrorReason.CANCELLED, "the caller went away"),
    );
  }
}
