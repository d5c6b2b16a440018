import { ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import { Call } from "./call.js";
import type { Gate } from "./gate.js";
import type { LiveCalls } from "./live-calls.js";
import type { ServerEnvironment } from "./server-environment.js";
import type { RegisteredMethod } from "./service.js";

/** The call as grpc-js's own handlers would see it, if they ever did: starting it starts ours instead. */
class ServedCall extends ServerInterceptingCall {
  readonly #call: Call;

  constructor(transport: ConstructorParameters<typeof ServerInterceptingCall>[0], call: Call) {
    super(transport);
    this.#call = call;
  }

  override start(): void {
    this.#call.start();
  }
}

/** Serves every call of these methods, in place of the handlers registered with grpc-js. */
export function createCallInterceptor(
  methods: readonly RegisteredMethod[],
  environment: ServerEnvironment,
  calls: LiveCalls,
  gate: Gate,
): ServerInterceptor {
  const methodByPath = new Map(methods.map((method) => [method.path, method]));
  return ({ path }, transport) => {
    const method = methodByPath.get(path);
    if (!method) throw new Error(`no handler for ${path}`);
    const arrival = gate.take();
    const call = new Call(environment, method, transport, arrival, (settled) => {
      arrival.leave();
      calls.delete(settled);
    });
    calls.add(call);
    return new ServedCall(transport, call);
  };
}
