import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { type Server, status } from "@grpc/grpc-js";
import type { Logger } from "pino";
import { HoldfastError } from "../core/errors.js";
import type { Admission } from "./admission.js";
import { Arrival, type Room } from "./arrival.js";
import type { Connections } from "./connections.js";
import { removeEndlessTimeout } from "./endless-timeout.js";
import { KnownCallers } from "./known-callers.js";
import { logFailure } from "./log-failure.js";
import { fitRequestId, REQUEST_ID_KEY } from "./request-id.js";
import type { RegisteredMethod } from "./service.js";
import { statusCodeOf } from "./status-code.js";
import { TENANT_KEY } from "./tenant-metadata.js";
import { type TrailersOnly, trailersOnly } from "./trailers-only.js";

export interface GateContext {
  readonly admissions: { readonly light: Admission; readonly heavy: Admission };
  readonly room: Room;
  readonly connections: Connections;
  readonly logger: Logger;
}

/** What the gate knows of a method. */
interface Entrance {
  readonly isStream: boolean;
  /** For methods whose calls are admitted one by one. */
  readonly admission?: Admission;
  /** Counts one that was not. */
  readonly countRefusal?: () => void;
}

type ServeStream = (interceptors: unknown, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** Callers nobody was authenticated as yet share what one tenant may have. */
const STRANGERS = "";

/**
 * Refuses unary calls that admission has no room for as soon as their headers are there: before grpc-js and we
 * spend as much on them as on serving a small call, and whatever is still to come of their messages.
 */
export class Gate {
  /** By the path of each method. */
  readonly #entrances: ReadonlyMap<string, Entrance>;
  readonly #context: GateContext;
  readonly #callers = new KnownCallers();
  readonly #answers = new WeakMap<HoldfastError, TrailersOnly>();
  #arriving: Arrival | undefined;

  constructor(methods: readonly RegisteredMethod[], context: GateContext) {
    this.#entrances = new Map(methods.map((method) => [method.path, entranceOf(method, context)]));
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
      removeEndlessTimeout(headers);
      const entrance = this.#entrances.get(headers[":path"] ?? "");
      const arrival = entrance && this.#enter(entrance, stream, headers);
      if (arrival instanceof HoldfastError) {
        entrance?.countRefusal?.();
        return this.#refuse(stream, headers, arrival);
      }
      this.#arriving = arrival;
      try {
        serve(interceptors, stream, headers);
        // What grpc-js refuses by itself never becomes a call.
        this.#arriving?.leave();
      } catch (err) {
        // One stream that grpc-js cannot serve must not end the server, nor keep its place.
        this.#context.logger.error({ err, method: headers[":path"] }, "a call could not be begun");
        arrival?.leave();
        stream.destroy();
      } finally {
        this.#arriving = undefined;
      }
    };
  }

  /** The arrival of the call that grpc-js is making at this moment. */
  take(): Arrival {
    const arrival = this.#arriving;
    if (!arrival) throw new Error("a call was made without passing the gate");
    this.#arriving = undefined;
    return arrival;
  }

  #enter(
    { isStream, admission }: Entrance,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
  ): Arrival | HoldfastError {
    const { room, connections } = this.#context;
    const connection = connections.of(stream.session);
    if (!admission) return new Arrival(room, stream, { isStream, connection });
    const caller = { authorization: headers.authorization, tenant: headers[TENANT_KEY]?.toString() };
    const known = this.#callers.tenantOf(caller);
    const tenantId = known ?? STRANGERS;
    const refusal = admission.enter(tenantId);
    if (refusal) return refusal;
    return new Arrival(room, stream, {
      isStream,
      connection,
      slot: { admission, tenantId },
      onIdentified: (identity) => {
        if (known !== identity) this.#callers.remember(caller, identity);
      },
    });
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

function entranceOf(method: RegisteredMethod, { admissions, room }: GateContext): Entrance {
  const { path, authenticated, descriptor, isHeavy } = method;
  if (descriptor.methodKind !== "unary") return { isStream: true };
  if (!authenticated) return { isStream: false };
  // What admission refuses is always OVERLOADED.
  const countRefusal = room.metrics.refusals(path, status[status.RESOURCE_EXHAUSTED]);
  return { isStream: false, admission: isHeavy ? admissions.heavy : admissions.light, countRefusal };
}
