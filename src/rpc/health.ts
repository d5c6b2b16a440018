import { EventEmitter, once } from "node:events";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../gen/grpc/health/v1/health_pb.js";
import { notFound } from "../core/errors.js";
import type { CallContext } from "./call-context.js";
import { defineService, type RegisteredService } from "./service.js";

export interface HealthState {
  /** `grpc.health.v1`, for callers with and without credentials: balancers have none. */
  readonly service: RegisteredService;
  setServing(serving: boolean): void;
}

/** The health of a server, and of each service by its full name; they are one. NOT_SERVING at first. */
export function createHealth(serviceNames: readonly string[]): HealthState {
  const names = new Set(["", Health.typeName, ...serviceNames]);
  const changes = new EventEmitter();
  // One for each Watch.
  changes.setMaxListeners(0);
  let status = ServingStatus.NOT_SERVING;

  async function* watch({ service }: { service: string }, { signal, draining, ending }: CallContext) {
    let sent: ServingStatus | undefined;
    for (;;) {
      const current = names.has(service) ? status : ServingStatus.SERVICE_UNKNOWN;
      if (current !== sent) {
        yield { status: current };
        sent = current;
        continue;
      }
      // Having said the last of it, the stream ends: it would hold up the drain.
      if (ending.aborted) break;
      await once(changes, "change", { signal: ending }).catch(() => undefined);
    }
    signal.throwIfAborted();
    draining.throwIfAborted();
  }

  const service = defineService(
    Health,
    {
      check: async (request) => {
        if (!names.has(request.service)) throw notFound("service", request.service);
        return { status };
      },
      list: async () => ({ statuses: Object.fromEntries([...names].map((name) => [name, { status }])) }),
      watch,
    },
    { authenticated: false },
  );
  return {
    service,
    setServing(serving) {
      status = serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
      changes.emit("change");
    },
  };
}
