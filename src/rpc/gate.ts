import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { type Server, status } from "@grpc/grpc-js";
import type { Logger } from "pino";
import type { HoldfastError } from "../core/errors.js";
import type { Admission } from "./admission.js";
import { KnownCallers } from "./known-callers.js";
import { logFailure } from "./log-failure.js";
import { fitRequestId, REQUEST_ID_KEY } from "./request-id.js";
import type { RpcMetrics } from "./rpc-metrics.js";
import type { RegisteredMethod } from "./service.js";
import { statusCodeOf } from "./status-code.js";
import { TENANT_KEY } from "./tenant-metadata.js";
import { type TrailersOnly, trailersOnly } from "./trailers-only.js";

/** A call that was let in. */
export interface Arrival {
  /** Whose it turned out to be. */
  identified(tenantId: string): void;
  /** It is over. Once. */
  leave(): void;
}

export interface GateContext {
  readonly admission: Admission;
  readonly metrics: RpcMetrics;
  readonly logger: Logger;
}

type ServeStream = (interceptors: unknown, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** Callers nobody was authenticated as yet share what one tenant may have. */
const STRANGERS = "";

/**
 * Refuses unary calls that admission has no room for as soon as their headers are there: before grpc-js and we
 * spend as much on them as on serving a small call, and whatever is still to come of their messages.
 */
export class Gate {
  /** By the path of each method that is guarded, what counts a call of it that is refused. */
  readonly #counters: ReadonlyMap<string, () => void>;
  readonly #context: GateContext;
  readonly #callers = new KnownCallers();
  readonly #answers = new WeakMap<HoldfastError, TrailersOnly>();
  #arriving: Arrival | undefined;

  constructor(methods: readonly RegisteredMethod[], context: GateContext) {
    const guarded = methods.filter(
      ({ authenticated, descriptor }) => authenticated && descriptor.methodKind === "unary",
    );
    // What admission refuses is always OVERLOADED.
    const code = status[status.RESOURCE_EXHAUSTED];
    this.#counters = new Map(guarded.map(({ path }) => [path, context.metrics.refusals(path, code)]));
    this.#context = context;
  }

  /**
   * Stands in front of a server that has not begun to listen. grpc-js has no hook before its own reading of headers;
   * this method, which each HTTP/2 stream is given to, is the first of it.
   */
  guard(server: Server): void {
    const internals = server as unknown as { _channelzHandler: ServeStream };
    const serve = internals._channelzHandler.bind(server);
    internals._channelzHandler = (interceptors, stream, headers) => {
      const path = headers[":path"] ?? "";
      const count = this.#counters.get(path);
      if (count) {
        const refusal = this.#enter(headers);
        if (refusal) {
          count();
          return this.#refuse(stream, headers, refusal);
        }
      }
      serve(interceptors, stream, headers);
      // What grpc-js refuses by itself never becomes a call.
      this.take()?.leave();
    };
  }

  /** The arrival of the call that grpc-js is making at this moment; none for calls that nobody counts. */
  take(): Arrival | undefined {
    const arrival = this.#arriving;
    this.#arriving = undefined;
    return arrival;
  }

  #enter(headers: IncomingHttpHeaders): HoldfastError | undefined {
    const { admission } = this.#context;
    const caller = { authorization: headers.authorization, tenant: headers[TENANT_KEY]?.toString() };
    const known = this.#callers.tenantOf(caller);
    const tenantId = known ?? STRANGERS;
    const refusal = admission.enter(tenantId);
    if (refusal) return refusal;
    this.#arriving = {
      identified: (identity) => {
        if (known !== identity) this.#callers.remember(caller, identity);
      },
      leave: () => admission.leave(tenantId),
    };
    return undefined;
  }

  #refuse(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, error: HoldfastError): void {
    const { logger } = this.#context;
    const requestId = fitRequestId(headers[REQUEST_ID_KEY]);
    let answer = this.#answers.get(error);
    if (!answer) {
      answer = trailersOnly(error);
      this.#answers.set(error, answer);
    }
    stream.once("error", () => undefined);
    // Reset in the very packet that opened it: then answering throws.
    if (stream.closed || stream.destroyed) return;
    // What was not read of the request Node tells the client to keep, by a reset without an error.
    stream.respond({ ...answer, [REQUEST_ID_KEY]: requestId }, { endStream: true });
    if (!logger.isLevelEnabled("debug")) return;
    const call = logger.child({ method: headers[":path"], requestId });
    logFailure(call, { error, code: statusCodeOf(error), durationMs: 0 });
  }
}
